#pragma once

#include <array>
#include <functional>
#include <memory>
#include <mutex>

#include "blob/integrity.h"
#include "blob/inventory.h"
#include "blob/quarantine.h"
#include "blob/store.h"
#include "oci/digest.h"
#include "oci/upload_id.h"
#include "sys/file_system.h"

namespace lifeboat::blob {

/// Where content and sessions are, and how a session becomes content: the only place that knows the names on disk. Any
/// thread. Everything blocks.
class FsLayout {
 public:
  FsLayout(sys::Path blobs, sys::Path uploads, sys::FileSystem& files);

  /// Looks at which shards exist and makes their names durable; before anything else.
  Status open();

  sys::Path content(const oci::Digest& digest) const;
  sys::Path session(const oci::UploadId& id) const;
  sys::FileSystem& files() const { return files_; }
  const sys::Path& uploads() const { return uploads_; }

  Result<Content> read(const oci::Digest& digest) const;
  /// True when the content is there, as long as it should be, and durable: nothing is left to do for who brings it.
  Result<bool> holds(const oci::Digest& digest, uint64_t size_bytes);
  /// Moves a file whose bytes are synced into its place, durably. True when it did; false when the content was there
  /// already: then the file is left to the caller. Content of another length is damage and gets replaced. After a
  /// failure the file is gone or where it was, and no name is left that was not there before.
  Result<bool> place(const sys::Path& from, const oci::Digest& digest, uint64_t size_bytes);
  Status remove(const oci::Digest& digest);
  /// Calls `take` with the digest of everything that has a place, in no order.
  Status for_each_content(const std::function<void(const oci::Digest&)>& take) const;

  /// What stands in one directory; what is no content is passed over.
  Result<std::vector<StoredContent>> list(HashAlgorithm algorithm, std::byte first) const;
  /// Integrity::quarantine. Reads the content in one go, with its directory locked: for what is faulty already.
  Result<Damage> set_aside(const oci::Digest& digest, uint64_t size_bytes, Quarantine& quarantine, WallTime now);
  /// The content in the shard `index` of Inventory::kShards: by algorithm, then by first byte.
  Result<std::vector<oci::Digest>> list(std::size_t index) const;
  Result<std::optional<StoredContent>> find(const oci::Digest& digest) const;

 private:
  /// One directory of content. Its lock is held from the look at a name until the name is durable or taken back, so
  /// that nobody relies on a name that may yet be taken back.
  struct Shard {
    std::mutex mutex;
    bool is_made = false;    // guarded by mutex: it exists and its own name is durable
    bool is_synced = false;  // guarded by mutex: the names in it are durable
  };
  Shard& shard_of(const oci::Digest& digest);
  /// What the content is now. Nothing is said of it when it cannot be read.
  Result<Damage> judge(const oci::Digest& digest, uint64_t size_bytes) const;
  Result<bool> holds_locked(Shard& shard, const oci::Digest& digest, uint64_t size_bytes);

  const sys::Path blobs_;
  const sys::Path uploads_;
  sys::FileSystem& files_;
  std::array<std::array<Shard, 256>, 2> shards_;  ///< by algorithm and first byte
};

}  // namespace lifeboat::blob
