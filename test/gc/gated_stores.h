#pragma once

#include <map>

#include "blob/memory_store.h"
#include "meta/memory_store.h"
#include "test/gc/turns.h"
#include "test/support/manual_clock.h"

/// The stores as the product sees them in the model: each operation happens at once, and before and behind it others
/// may take their steps. What is done when the process dies stays done.
namespace lifeboat::gc {

/// What a crash leaves.
struct Disk {
  explicit Disk(const sys::Clock& clock) : names(clock) {}
  blob::MemoryStore blobs;
  std::map<oci::Digest, WallTime> written;  ///< by the model's clock
  meta::MemoryStore names;
};

class GatedBlobs final : public blob::Store, public blob::Inventory {
 public:
  GatedBlobs(Disk& disk, const sys::Clock& clock, Turns& turns) : disk_(disk), clock_(clock), turns_(turns) {}

  Task<blob::Content> open(Call call, oci::Digest digest) override;
  Task<void> put(Call call, oci::Digest digest, std::string bytes) override;
  Task<std::unique_ptr<blob::Writer>> begin(Call call, oci::UploadId id, HashAlgorithm algorithm) override;
  Task<std::unique_ptr<blob::Writer>> resume(Call call, oci::UploadId id, HashAlgorithm algorithm) override;
  Task<void> discard(Call call, oci::UploadId id) override;
  Task<std::vector<blob::StoredSession>> sessions(Call call) override;
  Task<void> remove(Call call, oci::Digest digest) override;
  Task<std::vector<oci::Digest>> shard(Call call, std::size_t index) override;
  Task<std::optional<blob::StoredContent>> find(Call call, oci::Digest digest) override;
  Task<std::vector<oci::Digest>> absent(Call call, std::vector<oci::Digest> digests) override;

 private:
  Disk& disk_;
  const sys::Clock& clock_;
  Turns& turns_;
};

/// What is left out of the product to see that the model notices.
struct Mutation {
  bool without_lease = false;    ///< pushers and the collector do not know of each other
  bool without_recheck = false;  ///< a manifest's put trusts what was found before
  bool without_renewal = false;  ///< a HEAD promises nothing
  bool unlinks_unasked = false;  ///< the collector does not ask once more before it unlinks
  bool evicts_used = false;      ///< eviction does not ask once more whether the image was used
  bool evicts_pinned = false;    ///< nor whether it is pinned
};

class GatedNames final : public meta::Store {
 public:
  GatedNames(meta::Store& names, Turns& turns, const Mutation& mutation);
  ~GatedNames() override;

  meta::BlobIndex& blobs() override;
  meta::ManifestIndex& manifests() override;
  meta::TagIndex& tags() override;
  meta::RepositoryIndex& repositories() override { return names_.repositories(); }
  meta::UploadIndex& uploads() override { return names_.uploads(); }
  meta::CaptureIndex& captures() override { return names_.captures(); }
  meta::TourIndex& tours() override { return names_.tours(); }
  meta::FaultIndex& faults() override { return names_.faults(); }
  meta::ReclaimIndex& reclaim() override;
  meta::UsageIndex& usage() override;
  Task<meta::StoreTotals> totals(Call call) override { return names_.totals(std::move(call)); }
  Status close() override { return {}; }

 private:
  struct Parts;
  meta::Store& names_;
  std::unique_ptr<Parts> parts_;
};

class GatedEviction final : public meta::EvictionIndex {
 public:
  GatedEviction(meta::MemoryStore& names, Turns& turns, const Mutation& mutation)
      : names_(names), turns_(turns), mutation_(mutation) {}
  Task<meta::EvictionPage> look(Call call, meta::EvictionPosition from, std::size_t rows_max) override;
  Task<meta::Evicted> evict(Call call, meta::CachedImage image) override;

 private:
  Task<meta::Evicted> evict_unasked(Call call, meta::CachedImage image);

  meta::MemoryStore& names_;
  Turns& turns_;
  const Mutation mutation_;
};

}  // namespace lifeboat::gc
