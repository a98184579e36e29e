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
  /// The same for a small document: its bytes are compared.
  Result<bool> holds(const oci::Digest& digest, std::string_view bytes);
  /// Moves a file whose bytes are synced, and hash right, into its place, durably, and over what stands there: that may
  /// have rotted since. After a failure the file is gone or where it was, and no name is left that was not there
  /// before.
  Status place(const sys::Path& from, const oci::Digest& digest);
  Status remove(const oci::Digest& digest);
  /// Calls `take` with the digest of everything that has a place, in no order.
  Status for_each_content(const std::function<void(const oci::Digest&)>& take) const;

  /// What stands in one directory; what is no content is passed over.
  Result<std::vector<StoredContent>> list(HashAlgorithm algorithm, std::byte first) const;
  /// What the content was found to be, and which file that was.
  struct Verdict {
    Damage damage{};
    sys::FileInfo seen{};
  };
  /// Reads it all. Nothing is said of it when it cannot be read.
  Result<Verdict> judge(const oci::Digest& digest, uint64_t size_bytes) const;
  /// Integrity::quarantine, of the file that was judged. unavailable: another has come in its place.
  Status set_aside(const oci::Digest& digest, const Verdict& verdict, Quarantine& quarantine, WallTime now);
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
  Result<bool> holds_locked(Shard& shard, const oci::Digest& digest, uint64_t size_bytes);

  const sys::Path blobs_;
  const sys::Path uploads_;
  sys::FileSystem& files_;
  std::array<std::array<Shard, 256>, 2> shards_;  ///< by algorithm and first byte
};

}  // namespace lifeboat::blob
