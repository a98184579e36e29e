#include "server/settings_table_retention.h"

namespace lifeboat::server {
namespace {

using enum SettingKind;
using enum TakesEffect;

constexpr uint64_t kHourMs = 3600 * uint64_t{1000};

constexpr Setting kGcSettings[] = {
    {.section = "gc",
     .key = "every",
     .kind = duration,
     .default_text = "1h",
     .meaning = "How often what nothing needs any more is removed, beside running pushes and pulls; with `0s` only by "
                "`lifeboat gc`.",
     .takes_effect = on_restart,
     .field = +[](Config& c) -> Slot { return &c.gc.every; }},
    {.section = "gc",
     .key = "grace",
     .kind = duration,
     .default_text = "24h",
     .meaning = "A blob that was pushed, mounted or asked about within this time stays, whether a manifest names it or "
                "not: it is the time a client has from its first blob to its manifest. What a removed manifest named "
                "stays as long, and its own bytes, so that its tag can be restored.",
     .takes_effect = on_restart,
     .field = +[](Config& c) -> Slot { return &c.gc.grace; },
     .bounds = {.min = 2 * kHourMs}},
    {.section = "gc",
     .key = "prune_every",
     .kind = duration,
     .default_text = "24h",
     .meaning = "How often what `[[retention]]` does not keep is removed; with `0s` only by `lifeboat prune`.",
     .takes_effect = on_restart,
     .field = +[](Config& c) -> Slot { return &c.gc.prune_every; }},
};

constexpr Setting kRetentionSettings[] = {
    {.section = kRetentionSection,
     .key = "match",
     .kind = list,
     .meaning = "The repositories it is for, as in `team/*` or `ghcr.io/org/app`, where `*` stands for any text. The "
                "first `[[retention]]` that fits a repository counts, and no other; where none does, all stays.",
     .takes_effect = on_restart,
     .field = +[](RetentionConfig& r) -> Slot { return &r.match; },
     .is_required = true},
    {.section = kRetentionSection,
     .key = "keep_last",
     .kind = count,
     .default_text = "0",
     .meaning = "That many tags stay, those that were pushed last. A tag that any of the `keep_` settings keeps stays; "
                "without any of them all tags do.",
     .takes_effect = on_restart,
     .field = +[](RetentionConfig& r) -> Slot { return &r.keep_last; }},
    {.section = kRetentionSection,
     .key = "keep_tags",
     .kind = list,
     .default_note = "none",
     .meaning = "Tags of these names stay, as in `v*`.",
     .takes_effect = on_restart,
     .field = +[](RetentionConfig& r) -> Slot { return &r.keep_tags; }},
    {.section = kRetentionSection,
     .key = "keep_pulled_within",
     .kind = duration,
     .default_text = "0s",
     .meaning = "Tags whose manifest a client pulled within this time stay; `0s` says nothing. A pull is noted "
                "every five minutes at most. A HEAD counts, since that is all that a node asks which has the image; "
                "what our own probe "
                "and `lifeboat verify` look at does not.",
     .takes_effect = on_restart,
     .field = +[](RetentionConfig& r) -> Slot { return &r.keep_pulled_within; }},
    {.section = kRetentionSection,
     .key = "keep_platforms",
     .kind = list,
     .default_note = "none",
     .meaning =
         "Tags stay that can be pulled for one of these platforms, as in `linux/arm64`: the index says so, or the "
         "config of an image that is in none. Where neither can be read now, the tag stays.",
     .takes_effect = on_restart,
     .field = +[](RetentionConfig& r) -> Slot { return &r.keep_platforms; }},
    {.section = kRetentionSection,
     .key = "delete_untagged_after",
     .kind = duration_or_unlimited,
     .default_text = "unlimited",
     .meaning = "Manifests go that have had no tag for this time, unless an index that stays names them, or they speak "
                "of something that stays or it of them. `unlimited`: never. Until then a tag that was removed can be "
                "set again. Not less than an hour, since a client may be about to name in an index what it pushed.",
     .takes_effect = on_restart,
     .field = +[](RetentionConfig& r) -> Slot { return &r.delete_untagged_after; },
     .bounds = {.min = kHourMs, .max = 24 * 3650 * kHourMs}},
};

}  // namespace

std::span<const Setting> gc_settings() { return kGcSettings; }
std::span<const Setting> retention_settings() { return kRetentionSettings; }

}  // namespace lifeboat::server
