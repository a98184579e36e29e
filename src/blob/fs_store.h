#pragma once

#include <atomic>
#include <memory>

#include "blob/data_directory.h"
#include "blob/fs_layout.h"
#include "blob/fs_writer.h"
#include "blob/integrity.h"
#include "blob/inventory.h"
#include "blob/quarantine.h"
#include "blob/store.h"
#include "sys/thread_pool.h"

namespace lifeboat::blob {

/// The store on a file system. Any thread.
class FsStore final : public Store, public Integrity, public Inventory {
 public:
  /// Clears away what put() left half-written when the process last ended; sessions stay. All arguments outlive the
  /// store.
  static Result<std::unique_ptr<FsStore>> open(const DataDirectory& directory, sys::FileSystem& files,
                                               FsWriter::Pools pools, Quarantine::Bounds quarantine = {});

  Task<Content> open(Call call, oci::Digest digest) override;
  Task<void> put(Call call, oci::Digest digest, std::string bytes) override;
  Task<std::unique_ptr<Writer>> begin(Call call, oci::UploadId id, HashAlgorithm algorithm) override;
  Task<std::unique_ptr<Writer>> resume(Call call, oci::UploadId id, HashAlgorithm algorithm) override;
  Task<void> discard(Call call, oci::UploadId id) override;
  Task<std::vector<StoredSession>> sessions(Call call) override;
  Task<void> remove(Call call, oci::Digest digest) override;
  Task<std::vector<oci::Digest>> shard(Call call, std::size_t index) override;
  Task<std::optional<StoredContent>> find(Call call, oci::Digest digest) override;
  Task<std::vector<oci::Digest>> absent(Call call, std::vector<oci::Digest> digests) override;

  Task<std::unique_ptr<Reading>> read_through(Call call, oci::Digest digest) override;
  Task<std::vector<StoredContent>> list(Call call, HashAlgorithm algorithm, std::byte first) override;
  Task<Damage> quarantine(Call call, oci::Digest digest, uint64_t size_bytes, WallTime now) override;

 private:
  FsStore(const DataDirectory& directory, sys::FileSystem& files, FsWriter::Pools pools, Quarantine::Bounds bounds);
  Status put_now(const oci::Digest& digest, std::string_view bytes);
  FsWriter::Where where();
  bool is_dead(const oci::UploadId& id) const;

  FsLayout layout_;
  Guarded<Quarantine> quarantine_;
  const FsWriter::Pools pools_;
  const FsWriter::SharedSessions sessions_ = std::make_shared<Guarded<FsWriter::Sessions>>();
  std::atomic<uint64_t> next_put_ = 0;
};

}  // namespace lifeboat::blob
