#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/call.h"
#include "base/guarded.h"
#include "base/task.h"
#include "blob/inventory.h"
#include "blob/store.h"
#include "meta/store.h"
#include "oci/repository_id.h"
#include "registry/change_stamps.h"
#include "registry/content_leases.h"
#include "registry/upkeep/manifest_check.h"

namespace lifeboat::registry {

enum class SweepReason {
  unlinked,  ///< no manifest of the repository names the blob, and nobody relied on it within the grace
  unneeded,  ///< nothing names the content any more: its bytes
  orphan,    ///< bytes on disk that never got a row
};
std::string_view to_string(SweepReason reason);

/// What went, or would go.
struct Swept {
  SweepReason reason{};
  std::optional<oci::RepositoryId> repository{};  ///< of a link
  oci::Digest digest;
  uint64_t size_bytes = 0;
};

struct SweepReport {
  uint64_t links = 0;
  uint64_t contents = 0;
  uint64_t bytes = 0;     ///< of these contents
  uint64_t in_use = 0;    ///< contents left for the next time: somebody was about to need them
  uint64_t failures = 0;  ///< contents that could not be unlinked
  uint64_t lost = 0;      ///< contents that tags need, that are not on disk, and that a fault stands for
  uint64_t restored = 0;  ///< manifests of which not all that they name was recorded, and is again
  std::vector<Swept> items{};
  uint64_t items_left_out = 0;  ///< beyond the first 10,000
};

/// One pass of the collector, which removes what nothing needs, beside running pushes and pulls.
///
/// What must be true at every moment, also after `kill -9` and power loss between any two steps:
///   I1  A row that needs bytes has bytes. (Rows: a blob's own, and manifests.)
///   I2  A manifest that was acknowledged and not deleted has all it required. The rows it relies on cannot go while
///       its row is there: whether nothing names a blob is asked in the transaction that takes the blob's row, and
///       whether all is there in the transaction that puts the manifest. Both are the one writer's, so one is first:
///       either the manifest keeps the blob, or the push is told what is missing.
///   I3  What a client was told to be here (a commit, a mount, a HEAD) stays for the grace.
/// The steps, each durable before the next:
///   1  one transaction takes the rows of a batch, and condemns the digests that nothing needs any more;
///   2  for each of them, alone with its digest (ContentLeases): no row needs it → unlink. A row does → it stays.
///   3  it is no longer condemned.
/// Before links of a repository go, its manifests are read and compared with what is recorded of them
/// (manifest_check.h): a record that was lost must not take a layer along. A crash behind 1 leaves bytes without a row,
/// and the note to unlink them; behind 2 a note without bytes; both are finished by the next pass. Bytes without row or
/// note (a crash between commit and row) are found by a tour of the disk. Power loss may bring an unlinked file back:
/// bytes without a row again. A writer that meets 2 waits for that one unlink (ContentLeases::share); no other ever
/// waits for the collector.
class Sweep {
 public:
  struct Parts {
    blob::Store& blobs;
    blob::Inventory& inventory;
    meta::Store& names;
    ContentLeases& leases;
    ChangeStamps& stamps;
    /// Nothing is removed of a host that cannot be asked now.
    std::function<bool(const oci::RegistryHost&)> is_frozen;
  };
  enum class DryRun : bool { no, yes };
  enum class Extent {
    all,
    evicted,  ///< only the bytes of what was evicted, whatever the time (meta/eviction.h)
  };
  struct Order {
    WallTime before{};  ///< what was touched later stays
    DryRun dry_run = DryRun::no;
    Extent extent = Extent::all;
    std::function<bool()> is_stopping;
  };

  Sweep(Parts parts, Order order);
  /// corrupt: the store fails its own check, and nothing was removed. cancelled: Order::is_stopping. One that failed
  /// half-way did no harm, and report() tells what it did.
  Task<void> run(Call call);
  /// As far as it has come. Any thread.
  SweepReport report() const;

 private:
  Task<void> check(Call call);
  Task<void> find_absent(Call call, std::vector<oci::Digest> digests, std::vector<std::string>& faults);
  Task<void> take_rows(Call call);
  Task<void> take_page(Call call, std::vector<meta::Reclaimable> found);
  Task<void> drop_named(Call call, std::vector<meta::Reclaimable>& found);
  Task<void> unlink_condemned(Call call);
  Task<void> unlink_orphans(Call call);
  Task<std::vector<oci::Digest>> without_spared(Call call, std::vector<oci::Digest> unneeded);
  enum class Fate { unlinked, needed, in_use, failed };
  Task<Fate> unlink(Call call, oci::Digest digest);
  void acquit_all();
  void foresee(const std::vector<meta::Reclaimable>& found);
  void note(Swept swept);
  Status go_on() const;

  const Parts parts_;
  const Order order_;
  ManifestCheck manifests_;
  std::map<oci::Digest, uint64_t> links_foreseen_;  ///< in a dry run: links that would go, by blob
  std::set<oci::Digest> lost_;                      ///< as counted in the report
  std::set<oci::Digest> seen_;                      ///< contents whose fate is decided
  std::set<oci::Digest> spared_;                    ///< condemned within the grace
  std::vector<oci::Digest> acquitted_;              ///< their notes are still to go
  Guarded<SweepReport> report_;
};

}  // namespace lifeboat::registry
