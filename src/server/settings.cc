#include "server/settings.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"

namespace lifeboat::server {
namespace {

using enum SettingKind;
using enum TakesEffect;

constexpr uint64_t kSecondMs = 1000;
constexpr uint64_t kHourMs = 3600 * kSecondMs;
constexpr uint64_t kDayMs = 24 * kHourMs;
constexpr Bounds kShortWait{.min = 10, .max = kHourMs};

constexpr Setting kSettings[] = {
    {.section = "server",
     .key = "listen",
     .kind = address,
     .default_text = ":5000",
     .meaning = "Where to listen: `ADDR:PORT`, or `:PORT` for all addresses, IPv4 and IPv6. Port 0 takes a free one.",
     .takes_effect = on_restart,
     .field = +[](Config& c) -> Slot { return &c.server.listen; }},
    {.section = "server",
     .key = "tls_certificate",
     .kind = path,
     .meaning = "PEM file with the certificate and its chain; needs `tls_key`. Without both, plain HTTP is served. A "
                "reload reads the files again.",
     .takes_effect = on_restart,
     .field = +[](Config& c) -> Slot { return &c.server.tls_certificate; }},
    {.section = "server",
     .key = "tls_key",
     .kind = path,
     .meaning = "PEM file with the private key of `tls_certificate`.",
     .takes_effect = on_restart,
     .field = +[](Config& c) -> Slot { return &c.server.tls_key; }},
    {.section = "server",
     .key = "default_host",
     .kind = host,
     .default_text = "docker.io",
     .meaning = "The host that a request without a host means when nothing of that name is hosted here. Left alone it "
                "is the built-in meaning, for the mirror mode of a Docker daemon; once named, every read goes there.",
     .takes_effect = on_reload,
     .field = +[](Config& c) -> Slot { return &c.server.default_host; }},
    {.section = "server",
     .key = "builtin_upstreams",
     .kind = flag,
     .default_text = "true",
     .meaning = "Whether the well-known public registries are upstreams without being named.",
     .takes_effect = on_reload,
     .field = +[](Config& c) -> Slot { return &c.server.builtin_upstreams; }},
    {.section = "server",
     .key = "answer_within",
     .kind = duration,
     .default_text = "2s",
     .meaning = "A request for content that is not held and has no first byte by then is answered 503, so that the "
                "client goes on to its next mirror instead of hanging.",
     .takes_effect = on_restart,
     .field = +[](Config& c) -> Slot { return &c.server.answer_within; },
     .bounds = kShortWait},
    {.section = "server",
     .key = "grace",
     .kind = duration,
     .default_text = "30s",
     .meaning = "On SIGTERM, requests under way may take this long; then they are cut.",
     .takes_effect = on_restart,
     .field = +[](Config& c) -> Slot { return &c.server.grace; },
     .bounds = {.max = kDayMs}},
    {.section = "server",
     .key = "threads",
     .kind = count,
     .default_text = "0",
     .meaning = "Event loops; 0 means one per core.",
     .takes_effect = on_restart,
     .field = +[](Config& c) -> Slot { return &c.server.threads; },
     .bounds = {.max = 1024}},
    {.section = "server",
     .key = "header_timeout",
     .kind = duration,
     .default_text = "15s",
     .meaning = "A connection that has not sent the whole head of its request by then is closed.",
     .takes_effect = on_restart,
     .field = +[](Config& c) -> Slot { return &c.server.header_timeout; },
     .bounds = kShortWait},
    {.section = "server",
     .key = "idle_timeout",
     .kind = duration,
     .default_text = "120s",
     .meaning = "A connection without a request is kept open this long.",
     .takes_effect = on_restart,
     .field = +[](Config& c) -> Slot { return &c.server.idle_timeout; },
     .bounds = {.min = kSecondMs, .max = kDayMs}},
    {.section = "server",
     .key = "body_rate_min",
     .kind = size,
     .default_text = "1KiB",
     .meaning =
         "Bytes per second below which a client that sends or receives a body is cut; `0B` switches it off. There "
         "is no deadline for a whole body, so a push may take hours.",
     .takes_effect = on_restart,
     .field = +[](Config& c) -> Slot { return &c.server.body_rate_min_bytes; },
     .bounds = {.max = kGiB}},
    {.section = "server",
     .key = "body_rate_window",
     .kind = duration,
     .default_text = "60s",
     .meaning = "The span over which `body_rate_min` is measured.",
     .takes_effect = on_restart,
     .field = +[](Config& c) -> Slot { return &c.server.body_rate_window; },
     .bounds = {.min = kSecondMs, .max = kHourMs}},
    {.section = "server",
     .key = "manifest_cache",
     .kind = size,
     .default_text = "8MiB",
     .meaning = "Memory for manifests whose answers are kept ready to send, in total.",
     .takes_effect = on_restart,
     .field = +[](Config& c) -> Slot { return &c.server.manifest_cache_bytes; },
     .bounds = {.max = 64 * kGiB}},

    {.section = "storage",
     .key = "root",
     .kind = path,
     .default_note = "`/var/lib/lifeboat` when run by root, else `$HOME/.local/share/lifeboat`",
     .meaning = "The folder that holds everything. One process owns it at a time.",
     .takes_effect = on_restart,
     .field = +[](Config& c) -> Slot { return &c.storage.root; }},
    {.section = "storage",
     .key = "delete_enabled",
     .kind = flag,
     .default_text = "true",
     .meaning = "Whether clients may delete tags, manifests and blobs.",
     .takes_effect = on_reload,
     .field = +[](Config& c) -> Slot { return &c.storage.delete_enabled; }},
    {.section = "storage",
     .key = "uploads_expire",
     .kind = duration,
     .default_text = "24h",
     .meaning = "An upload session that nobody touched for this long is removed.",
     .takes_effect = on_restart,
     .field = +[](Config& c) -> Slot { return &c.storage.uploads_expire; },
     .bounds = {.min = 60 * kSecondMs}},
    {.section = "storage",
     .key = "uploads_per_repository_max",
     .kind = count,
     .default_text = "1000",
     .meaning = "Upload sessions one repository may have; the next one is refused.",
     .takes_effect = on_restart,
     .field = +[](Config& c) -> Slot { return &c.storage.uploads_per_repository_max; },
     .bounds = {.min = 1, .max = 1'000'000}},
    {.section = "storage",
     .key = "uploads_open_max",
     .kind = count,
     .default_text = "4000",
     .meaning =
         "Upload sessions open at once over all repositories, each a file descriptor. Beyond it the longest idle "
         "one is closed, and read again when its client comes back.",
     .takes_effect = on_restart,
     .field = +[](Config& c) -> Slot { return &c.storage.uploads_open_max; },
     .bounds = {.min = 1, .max = 1'000'000}},

    {.section = "capture",
     .key = "running_max",
     .kind = count,
     .default_text = "4",
     .meaning = "Manifests that are completed in the background at a time, each over one transfer.",
     .takes_effect = on_restart,
     .field = +[](Config& c) -> Slot { return &c.capture.running_max; },
     .bounds = {.min = 1, .max = 64}},
    {.section = "capture",
     .key = "prefetch",
     .kind = list,
     .meaning = "What is held whether anybody pulls it or not, as in `ghcr.io/org/app:v1`. Tags are followed.",
     .takes_effect = on_reload,
     .field = +[](Config& c) -> Slot { return &c.capture.prefetch; }},
    {.section = "capture",
     .key = "prefetch_every",
     .kind = duration,
     .default_text = "1h",
     .meaning = "How often upstreams are asked about `prefetch`; with `0s` only at the start and at a reload.",
     .takes_effect = on_reload,
     .field = +[](Config& c) -> Slot { return &c.capture.prefetch_every; }},

    {.section = "log",
     .key = "level",
     .kind = choice,
     .default_text = "info",
     .meaning = "The least important lines that are written.",
     .takes_effect = on_reload,
     .field = +[](Config& c) -> Slot { return &c.log.level; }},
    {.section = "log",
     .key = "format",
     .kind = choice,
     .default_text = "text",
     .meaning = "`text` writes `key=value`, `json` one JSON value per line; always on standard error.",
     .takes_effect = on_reload,
     .field = +[](Config& c) -> Slot { return &c.log.format; }},
    {.section = "log",
     .key = "access",
     .kind = choice,
     .default_text = "problems",
     .meaning = "Which requests get a line: `all`, `none`, or those with `problems` (5xx, cut short, served stale).",
     .takes_effect = on_reload,
     .field = +[](Config& c) -> Slot { return &c.log.access; }},

    {.section = "metrics",
     .key = "enabled",
     .kind = flag,
     .default_text = "true",
     .meaning = "Whether `/metrics` answers.",
     .takes_effect = on_restart,
     .field = +[](Config& c) -> Slot { return &c.metrics.enabled; }},

    {.section = kUpstreamSection,
     .key = "host",
     .kind = host,
     .meaning =
         "The registry's host as it stands in references, as in `ghcr.io` or `registry.example:5000`. The host "
         "`default` is what requests without a host mean, whatever `server.default_host` says; `*` is every host that "
         "`allow` permits and no other upstream has.",
     .takes_effect = on_reload,
     .field = +[](UpstreamConfig& u) -> Slot { return &u.host; },
     .is_required = true},
    {.section = kUpstreamSection,
     .key = "allow",
     .kind = list,
     .meaning =
         "Which hosts the upstream of the host `*` is for, required there and nowhere else: hosts as in "
         "`registry.example:5000`, and names with `*`, as in `*.example.com`, where `*` stands for any text; `*` "
         "alone is any DNS name, whatever address it resolves to. Without a port only the usual one is meant, "
         "with `:*` all. A `*` never means an address, `localhost` or a name without a dot: they have to be "
         "named.",
     .takes_effect = on_reload,
     .field = +[](UpstreamConfig& u) -> Slot { return &u.allow; }},
    {.section = kUpstreamSection,
     .key = "fresh_for",
     .kind = duration,
     .default_text = "60s",
     .meaning = "A tag that the upstream confirmed within this time is served without asking.",
     .takes_effect = on_reload,
     .field = +[](UpstreamConfig& u) -> Slot { return &u.fresh_for; }},
    {.section = kUpstreamSection,
     .key = "max_stale",
     .kind = duration_or_unlimited,
     .default_text = "unlimited",
     .meaning = "How long after its last confirmation a held tag is still served while the upstream cannot be asked.",
     .takes_effect = on_reload,
     .field = +[](UpstreamConfig& u) -> Slot { return &u.max_stale; }},
    {.section = kUpstreamSection,
     .key = "revalidate_within",
     .kind = duration,
     .default_text = "1s",
     .meaning = "With a copy in hand, a client waits no longer than this for the upstream to confirm it.",
     .takes_effect = on_reload,
     .field = +[](UpstreamConfig& u) -> Slot { return &u.revalidate_within; },
     .bounds = kShortWait},
    {.section = kUpstreamSection,
     .key = "on_gone",
     .kind = choice,
     .default_text = "keep",
     .meaning = "What becomes of a held tag that the upstream says it has no more: `keep` serves it on, marked; `drop` "
                "forgets it. An outage is never taken for that.",
     .takes_effect = on_reload,
     .field = +[](UpstreamConfig& u) -> Slot { return &u.on_gone; }},
    {.section = kUpstreamSection,
     .key = "on_credential_fault",
     .kind = choice,
     .default_text = "serve",
     .meaning = "What becomes of a held tag while the upstream refuses our credentials: `serve` serves it, marked; "
                "`refuse` answers 503.",
     .takes_effect = on_reload,
     .field = +[](UpstreamConfig& u) -> Slot { return &u.on_credential_fault; }},
    {.section = kUpstreamSection,
     .key = "not_found_for",
     .kind = duration,
     .default_text = "5s",
     .meaning = "A manifest that the upstream said it does not have is not asked for again for this long; `0s` always "
                "asks.",
     .takes_effect = on_reload,
     .field = +[](UpstreamConfig& u) -> Slot { return &u.not_found_for; },
     .bounds = {.min = 0, .max = 3600 * kSecondMs}},
    {.section = kUpstreamSection,
     .key = "resolve_timeout",
     .kind = duration,
     .default_text = "1s",
     .meaning = "An endpoint whose name has not been looked up by then has failed; the next one is tried.",
     .takes_effect = on_reload,
     .field = +[](UpstreamConfig& u) -> Slot { return &u.resolve_timeout; },
     .bounds = kShortWait},
    {.section = kUpstreamSection,
     .key = "connect_timeout",
     .kind = duration,
     .default_text = "1s",
     .meaning = "An endpoint that has not taken the TCP connection by then has failed; the next one is tried.",
     .takes_effect = on_reload,
     .field = +[](UpstreamConfig& u) -> Slot { return &u.connect_timeout; },
     .bounds = kShortWait},
    {.section = kUpstreamSection,
     .key = "tls_timeout",
     .kind = duration,
     .default_text = "1s",
     .meaning = "An endpoint that has not ended the TLS handshake by then has failed; the next one is tried.",
     .takes_effect = on_reload,
     .field = +[](UpstreamConfig& u) -> Slot { return &u.tls_timeout; },
     .bounds = kShortWait},
    {.section = kUpstreamSection,
     .key = "first_byte_timeout",
     .kind = duration,
     .default_text = "3s",
     .meaning = "An endpoint that has not begun to answer by then has failed.",
     .takes_effect = on_reload,
     .field = +[](UpstreamConfig& u) -> Slot { return &u.first_byte_timeout; },
     .bounds = kShortWait},
    {.section = kUpstreamSection,
     .key = "stall_timeout",
     .kind = duration,
     .default_text = "10s",
     .meaning = "A body of which nothing arrived for this long has failed; the next endpoint continues at that byte.",
     .takes_effect = on_reload,
     .field = +[](UpstreamConfig& u) -> Slot { return &u.stall_timeout; },
     .bounds = kShortWait},
    {.section = kUpstreamSection,
     .key = "rate_floor_percent",
     .kind = count,
     .default_text = "10",
     .meaning =
         "When an endpoint says that no more than this share of its rate limit is left, or 5 requests, held tags "
         "are confirmed less often, so that the rest is there for what is not held; `0` never.",
     .takes_effect = on_reload,
     .field = +[](UpstreamConfig& u) -> Slot { return &u.rate_floor_percent; },
     .bounds = {.max = 100}},
    {.section = kUpstreamSection,
     .key = "credential_check_every",
     .kind = duration,
     .default_text = "5m",
     .meaning = "How often the login of each endpoint is tried, whether or not anybody pulls, so that a refused or "
                "rotated one is known before a deploy needs it; `0s` never.",
     .takes_effect = on_reload,
     .field = +[](UpstreamConfig& u) -> Slot { return &u.credential_check_every; },
     .bounds = {.min = 0, .max = kDayMs}},
    {.section = kUpstreamSection,
     .key = "hedge_after",
     .kind = duration,
     .default_text = "0s",
     .meaning =
         "When an endpoint has not begun to answer for a manifest or blob by then, the next one is asked as well "
         "and the first good answer is taken; it costs requests. `0s` never.",
     .takes_effect = on_reload,
     .field = +[](UpstreamConfig& u) -> Slot { return &u.hedge_after; },
     .bounds = {.min = 0, .max = kHourMs}},
    {.section = kUpstreamSection,
     .key = "capture",
     .kind = choice,
     .default_text = "requested",
     .meaning = "What is fetched in the background of what is pulled: `requested` the rest of it, of an index for the "
                "platforms that are pulled; `all` for all platforms; `none` nothing.",
     .takes_effect = on_reload,
     .field = +[](UpstreamConfig& u) -> Slot { return &u.capture; }},
    {.section = kUpstreamSection,
     .key = "capture_platforms",
     .kind = list,
     .meaning = "Platforms that are captured besides, whatever is pulled, as in `linux/amd64` or `linux/arm/v6`.",
     .takes_effect = on_reload,
     .field = +[](UpstreamConfig& u) -> Slot { return &u.capture_platforms; }},
    {.section = kUpstreamSection,
     .key = "capture_referrers",
     .kind = flag,
     .default_text = "true",
     .meaning = "Whether signatures and attestations of what is captured are captured too.",
     .takes_effect = on_reload,
     .field = +[](UpstreamConfig& u) -> Slot { return &u.capture_referrers; }},

    {.section = kEndpointSection,
     .key = "url",
     .kind = url,
     .meaning = "The address: `http(s)://HOST[:PORT][/PATH]`. No credentials and no query. In the upstream of the host "
                "`*`, `{host}` stands for the host that is asked for.",
     .takes_effect = on_reload,
     .field = +[](EndpointConfig& e) -> Slot { return &e.url; },
     .is_required = true},
    {.section = kEndpointSection,
     .key = "match",
     .kind = text,
     .meaning = "The repositories this endpoint is asked for: a name, or a beginning with `*` as in `org/*`. Left out, "
                "all.",
     .takes_effect = on_reload,
     .field = +[](EndpointConfig& e) -> Slot { return &e.match; }},
    {.section = kEndpointSection,
     .key = "rewrite",
     .kind = text,
     .meaning = "What they are called there, as in `mirror/org/*`: `*` stands for what it stood for in `match`. Left "
                "out, the same. In the upstream of the host `*`, `{host}` stands for the host that is asked for, as in "
                "`cache/{host}/*`; one with a port has no such name and cannot be asked for there.",
     .takes_effect = on_reload,
     .field = +[](EndpointConfig& e) -> Slot { return &e.rewrite; }},
    {.section = kEndpointSection,
     .key = "username",
     .kind = text,
     .meaning = "Whom to log in as; needs `password_file` or `password_env`. Without a login, pulls are anonymous.",
     .takes_effect = on_reload,
     .field = +[](EndpointConfig& e) -> Slot { return &e.username; }},
    {.section = kEndpointSection,
     .key = "password_file",
     .kind = path,
     .meaning =
         "File with the password or access token of `username`. The secret itself is never in the configuration.",
     .takes_effect = on_reload,
     .field = +[](EndpointConfig& e) -> Slot { return &e.password_file; }},
    {.section = kEndpointSection,
     .key = "password_env",
     .kind = text,
     .meaning =
         "The environment variable that has the password of `username`; a file can be rotated without a restart, "
         "a variable cannot.",
     .takes_effect = on_reload,
     .field = +[](EndpointConfig& e) -> Slot { return &e.password_env; }},
    {.section = kEndpointSection,
     .key = "docker_config",
     .kind = path,
     .meaning = "A Docker `config.json` with a login for this address: its `auths`, or the helper it names. Instead of "
                "`username`.",
     .takes_effect = on_reload,
     .field = +[](EndpointConfig& e) -> Slot { return &e.docker_config; }},
    {.section = kEndpointSection,
     .key = "credential_helper",
     .kind = text,
     .meaning = "Ask the program `docker-credential-<this>` for the login, for example `ecr-login`. Instead of "
                "`username`.",
     .takes_effect = on_reload,
     .field = +[](EndpointConfig& e) -> Slot { return &e.credential_helper; }},
    {.section = kEndpointSection,
     .key = "client_certificate",
     .kind = path,
     .meaning = "PEM file with a certificate to show to this endpoint; needs `client_key`.",
     .takes_effect = on_reload,
     .field = +[](EndpointConfig& e) -> Slot { return &e.client_certificate; }},
    {.section = kEndpointSection,
     .key = "client_key",
     .kind = path,
     .meaning = "PEM file with the private key of `client_certificate`.",
     .takes_effect = on_reload,
     .field = +[](EndpointConfig& e) -> Slot { return &e.client_key; }},
    {.section = kEndpointSection,
     .key = "ca_file",
     .kind = path,
     .meaning = "PEM file with the authorities to trust for this endpoint instead of the system's.",
     .takes_effect = on_reload,
     .field = +[](EndpointConfig& e) -> Slot { return &e.ca_file; }},
    {.section = kEndpointSection,
     .key = "skip_verify",
     .kind = flag,
     .default_text = "false",
     .meaning =
         "Accept any certificate. Content is still verified by its digest, but credentials and tags are exposed to "
         "whoever stands in between.",
     .takes_effect = on_reload,
     .field = +[](EndpointConfig& e) -> Slot { return &e.skip_verify; }},

    {.section = kRuleSection,
     .key = "match",
     .kind = pattern,
     .meaning =
         "The repositories that are meant, or behind a `:` which of their tags, as in `org/*`, `org/*:latest` and "
         "`*:v1.*`. A `*` stands for any text, none and `/` included. Docker Hub's official repositories are "
         "`library/…`. A pattern with tags does not mean what is asked for by its digest.",
     .takes_effect = on_reload,
     .field = +[](RuleConfig& r) -> Slot { return &r.match; },
     .is_required = true},
    {.section = kRuleSection,
     .key = "fresh_for",
     .kind = duration,
     .default_note = "that of the upstream",
     .meaning = "The same as `upstream.fresh_for`, for these.",
     .takes_effect = on_reload,
     .field = +[](RuleConfig& r) -> Slot { return &r.fresh_for; }},
    {.section = kRuleSection,
     .key = "max_stale",
     .kind = duration_or_unlimited,
     .default_note = "that of the upstream",
     .meaning = "The same as `upstream.max_stale`, for these.",
     .takes_effect = on_reload,
     .field = +[](RuleConfig& r) -> Slot { return &r.max_stale; }},
    {.section = kRuleSection,
     .key = "revalidate_within",
     .kind = duration,
     .default_note = "that of the upstream",
     .meaning = "The same as `upstream.revalidate_within`, for these.",
     .takes_effect = on_reload,
     .field = +[](RuleConfig& r) -> Slot { return &r.revalidate_within; },
     .bounds = kShortWait},
    {.section = kRuleSection,
     .key = "on_gone",
     .kind = choice,
     .default_note = "that of the upstream",
     .meaning = "The same as `upstream.on_gone`, for these.",
     .takes_effect = on_reload,
     .field = +[](RuleConfig& r) -> Slot { return &r.on_gone; }},
    {.section = kRuleSection,
     .key = "on_credential_fault",
     .kind = choice,
     .default_note = "that of the upstream",
     .meaning = "The same as `upstream.on_credential_fault`, for these.",
     .takes_effect = on_reload,
     .field = +[](RuleConfig& r) -> Slot { return &r.on_credential_fault; }},
    {.section = kRuleSection,
     .key = "not_found_for",
     .kind = duration,
     .default_note = "that of the upstream",
     .meaning = "The same as `upstream.not_found_for`, for these.",
     .takes_effect = on_reload,
     .field = +[](RuleConfig& r) -> Slot { return &r.not_found_for; },
     .bounds = {.min = 0, .max = 3600 * kSecondMs}},
};

constexpr Section kSections[] = {
    {"server", "How clients are served."},
    {"storage", "Where content is kept, and what clients may do to it."},
    {"capture", "What is fetched from upstreams before anybody asks for it."},
    {"log", "What is written to standard error."},
    {"metrics", "Numbers for Prometheus."},
    {kUpstreamSection,
     "A remote registry that is pulled through, one `[[upstream]]` each. Naming a built-in one replaces it."},
    {kEndpointSection,
     "The addresses of an upstream in the order they are tried, as in `endpoints = [{ url = \"https://…\" }, …]`. Left "
     "out, it is `https://<host>`."},
    {kRuleSection,
     "What differs for some repositories and tags of an upstream, as in `rules = [{ match = \"org/*:latest\", "
     "fresh_for = \"10s\" }, …]`. The first rule that fits counts, and no other; what it leaves out is as the upstream "
     "has it."},
};

constexpr UpstreamList kUpstreamLists[] = {
    {kEndpointSection, "endpoints", "an endpoint", "[{ url = \"https://registry.example\" }]"},
    {kRuleSection, "rules", "a rule", "[{ match = \"org/*:latest\", fresh_for = \"10s\" }]"},
};

constexpr BuiltinUpstream kBuiltin[] = {
    {"docker.io", "https://registry-1.docker.io"},
    {"ghcr.io", "https://ghcr.io"},
    {"quay.io", "https://quay.io"},
    {"registry.k8s.io", "https://registry.k8s.io"},
    {"gcr.io", "https://gcr.io"},
    {"mcr.microsoft.com", "https://mcr.microsoft.com"},
    {"public.ecr.aws", "https://public.ecr.aws"},
};

void append_upper(std::string& out, std::string_view text) {
  for (const char letter : text)
    out.push_back(letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 32) : letter);
}

}  // namespace

std::span<const Setting> settings() { return kSettings; }
std::span<const Section> sections() { return kSections; }
std::span<const BuiltinUpstream> builtin_upstreams() { return kBuiltin; }

std::span<const UpstreamList> upstream_lists() { return kUpstreamLists; }

const UpstreamList* find_upstream_list(std::string_view section) {
  const auto* found = std::ranges::find(kUpstreamLists, section, &UpstreamList::section);
  return found == std::end(kUpstreamLists) ? nullptr : found;
}

const Setting* find_setting(std::string_view section, std::string_view key) {
  for (const Setting& setting : kSettings) {
    if (setting.section == section && setting.key == key) return &setting;
  }
  return nullptr;
}

std::string path_of(const Setting& setting) { return std::string(setting.section).append(".").append(setting.key); }

std::string variable_of(const Setting& setting, UpstreamIndex index) {
  std::string name = "LIFEBOAT_";
  if (setting.is_of_process()) {
    append_upper(name, setting.section);
  } else {
    name.append("UPSTREAM_").append(std::to_string(index.upstream));
    if (const UpstreamList* list = find_upstream_list(setting.section)) {
      name.push_back('_');
      append_upper(name, list->key);
      name.append("_").append(std::to_string(index.entry));
    }
  }
  name.push_back('_');
  append_upper(name, setting.key);
  return name;
}

std::string usual_url(std::string_view host_name) {
  for (const BuiltinUpstream& builtin : kBuiltin) {
    if (builtin.host == host_name) return std::string(builtin.url);
  }
  return std::string("https://").append(host_name);
}

}  // namespace lifeboat::server
