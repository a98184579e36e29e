#include "server/settings_table_probe.h"

namespace lifeboat::server {
namespace {

using enum SettingKind;
using enum TakesEffect;

constexpr uint64_t kSecondMs = 1000;
constexpr uint64_t kDayMs = 24 * 3600 * kSecondMs;

constexpr Setting kSettings[] = {
    {.section = kProbeSection,
     .key = "target",
     .kind = text,
     .meaning = "The registry: `http(s)://HOST[:PORT][/PATH]`, or `self` for this one, through its own port.",
     .takes_effect = on_reload,
     .field = +[](ProbeConfig& p) -> Slot { return &p.target; },
     .is_required = true},
    {.section = kProbeSection,
     .key = "name",
     .kind = text,
     .default_note = "the host of the target, or `self`",
     .meaning = "What it is called in metrics (the label `target`), in the log and by `lifeboat status`.",
     .takes_effect = on_reload,
     .field = +[](ProbeConfig& p) -> Slot { return &p.name; }},
    {.section = kProbeSection,
     .key = "repositories",
     .kind = list,
     .default_note = "all of the target's catalog",
     .meaning = "Which ones, as in `team/app` or `team/*`, where `*` stands for any text. A registry without a catalog "
                "needs whole names. What `self` holds of an upstream is looked at only where a pattern begins with "
                "that host, since looking at it would fetch all of it.",
     .takes_effect = on_reload,
     .field = +[](ProbeConfig& p) -> Slot { return &p.repositories; }},
    {.section = kProbeSection,
     .key = "tags",
     .kind = list,
     .default_note = "all",
     .meaning = "Which ones, as in `v*`.",
     .takes_effect = on_reload,
     .field = +[](ProbeConfig& p) -> Slot { return &p.tags; }},
    {.section = kProbeSection,
     .key = "every",
     .kind = duration,
     .default_text = "15m",
     .meaning = "From the start of one tour over all of them to the next. A tour that takes longer, or is interrupted, "
                "goes on where it was, also after a restart.",
     .takes_effect = on_reload,
     .field = +[](ProbeConfig& p) -> Slot { return &p.every; },
     .bounds = {.min = kSecondMs, .max = 30 * kDayMs}},
    {.section = kProbeSection,
     .key = "compare_with",
     .kind = text,
     .meaning = "The name of another probe whose target should have the same tags with the same digests. What only "
                "the other has is found in the repositories that this one has; compare both ways to find all.",
     .takes_effect = on_reload,
     .field = +[](ProbeConfig& p) -> Slot { return &p.compare_with; }},
    {.section = kProbeSection,
     .key = "requests_max",
     .kind = count,
     .default_text = "4",
     .meaning = "Requests at a time. Near the target's rate limit there are none until the next tour is due.",
     .takes_effect = on_reload,
     .field = +[](ProbeConfig& p) -> Slot { return &p.requests_max; },
     .bounds = {.min = 1, .max = 64}},
    {.section = kProbeSection,
     .key = "username",
     .kind = text,
     .meaning = "Whom to log in as; needs `password_file` or `password_env`.",
     .takes_effect = on_reload,
     .field = +[](ProbeConfig& p) -> Slot { return &p.username; }},
    {.section = kProbeSection,
     .key = "password_file",
     .kind = path,
     .meaning = "File with the password or access token of `username`.",
     .takes_effect = on_reload,
     .field = +[](ProbeConfig& p) -> Slot { return &p.password_file; }},
    {.section = kProbeSection,
     .key = "password_env",
     .kind = text,
     .meaning = "The environment variable with the password or access token of `username`.",
     .takes_effect = on_reload,
     .field = +[](ProbeConfig& p) -> Slot { return &p.password_env; }},
    {.section = kProbeSection,
     .key = "docker_config",
     .kind = path,
     .meaning = "A Docker `config.json` with the login of the target.",
     .takes_effect = on_reload,
     .field = +[](ProbeConfig& p) -> Slot { return &p.docker_config; }},
    {.section = kProbeSection,
     .key = "credential_helper",
     .kind = text,
     .meaning = "The program `docker-credential-<this>` knows the login of the target.",
     .takes_effect = on_reload,
     .field = +[](ProbeConfig& p) -> Slot { return &p.credential_helper; }},
    {.section = kProbeSection,
     .key = "ca_file",
     .kind = path,
     .meaning = "PEM file with the certificate authorities to trust for it instead of the system's.",
     .takes_effect = on_reload,
     .field = +[](ProbeConfig& p) -> Slot { return &p.ca_file; }},
};

}  // namespace

std::span<const Setting> probe_settings() { return kSettings; }

}  // namespace lifeboat::server
