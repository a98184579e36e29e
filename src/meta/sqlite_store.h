#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/log.h"
#include "meta/eviction.h"
#include "meta/store.h"
#include "sys/clock.h"

namespace lifeboat::meta {

struct SqliteStoreOptions {
  /// How large the database may grow before writes fail with no_space; 0: until the disk is full.
  uint64_t size_max_bytes = 0;
  /// Where a failure is told that no caller hears of (of a write that is durable "soon"); it must outlive the store.
  /// Nothing: nowhere.
  Log* log = nullptr;
};

/// Names in one SQLite database (its file, and beside it "-wal" and "-shm" while it is open). Another process may have
/// the same file open; it then waits for a write of ours for up to five seconds, and we for its (unavailable).
/// What a write returned as done is on disk: the write-ahead log is synced before. Writes that wait at the same time
/// share that sync. Writes that are durable "soon" outlive `kill -9` at once and power loss after a second.
/// Errors beside those of Store: corrupt (the database is malformed, wherever it is met first).
class SqliteStore final : public Store {
 public:
  /// Opens the file, and creates it when it is not there or empty; its directory must exist. The content is not
  /// checked: opening costs the same for any size. conflict: another program's database; unsupported: a newer version
  /// of this program wrote it; corrupt: no database; no_space: it cannot be written to. `clock` and `log` must outlive
  /// the store.
  static Result<std::unique_ptr<SqliteStore>> open(const std::filesystem::path& path, const sys::Clock& clock,
                                                   SqliteStoreOptions options = {});
  ~SqliteStore() override;
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

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
  explicit SqliteStore(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace lifeboat::meta
