// The part of the table of all settings (settings_table.cc) that is about the storage.

#include "server/settings_table_storage.h"

namespace lifeboat::server {
namespace {

using enum SettingKind;
using enum TakesEffect;

constexpr uint64_t kSecondMs = 1000;

constexpr Setting kSettings[] = {
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
    {.section = "storage",
     .key = "evict_above",
     .kind = text,
     .default_note = "nothing is evicted",
     .meaning = "Beyond this, cached images that were unused the longest go, until `evict_below` is reached: a size, "
                "which the blobs held may have (`50GiB`), or a percentage, of the file system in use (`85%`). Whole "
                "images of upstreams go, and nothing that is pinned, in `capture.prefetch`, or hosted here; nothing "
                "either while its upstream does not answer, or has nothing of its repository any more.",
     .takes_effect = on_restart,
     .field = +[](Config& c) -> Slot { return &c.storage.evict_above; }},
    {.section = "storage",
     .key = "evict_below",
     .kind = text,
     .meaning = "Where eviction ends: the same kind of value as `evict_above`, and less.",
     .takes_effect = on_restart,
     .field = +[](Config& c) -> Slot { return &c.storage.evict_below; }},
    {.section = "storage",
     .key = "evict_unused_for",
     .kind = duration,
     .default_text = "10m",
     .meaning =
         "An image whose manifest was pulled, or asked for, within this time is not evicted, however full the disk: a "
         "client that has got a manifest comes for its layers next. Since pulls are noted every five minutes only, it "
         "may stay for so much longer. Layers that are sent are no use by themselves: of a pull that takes longer than "
         "this, those that it has not begun may have to be fetched from the upstream again. `0s`: no image stays "
         "because it was used.",
     .takes_effect = on_restart,
     .field = +[](Config& c) -> Slot { return &c.storage.evict_unused_for; }},
};

}  // namespace

std::span<const Setting> storage_settings() { return kSettings; }

}  // namespace lifeboat::server
