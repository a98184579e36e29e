#pragma once

#include <memory>

#include "meta/eviction.h"
#include "meta/store.h"
#include "sys/clock.h"

namespace lifeboat::meta {

/// Names in memory, for tests of what stands on a Store: the same answers, nothing survives the object. Every write is
/// done when it returns; nothing waits, so nothing leaves the caller's thread.
class MemoryStore final : public Store {
 public:
  /// On the clock of this machine.
  MemoryStore();
  /// `clock` must outlive the store.
  explicit MemoryStore(const sys::Clock& clock);
  ~MemoryStore() override;
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;

  BlobIndex& blobs() override;
  ManifestIndex& manifests() override;
  TagIndex& tags() override;
  RepositoryIndex& repositories() override;
  UploadIndex& uploads() override;
  CaptureIndex& captures() override;
  TourIndex& tours() override;
  FaultIndex& faults() override;
  ReclaimIndex& reclaim() override;
  UsageIndex& usage() override;
  /// As long as the store. Not of every Store: only who runs the server evicts.
  EvictionIndex& eviction();
  Task<StoreTotals> totals(Call call) override;
  Status close() override;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace lifeboat::meta
