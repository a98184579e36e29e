#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "oci/digest.h"
#include "sys/file_system.h"

namespace lifeboat::blob {

/// A plain tar with an OCI layout in it, as it lies on a disk: where in the file the bytes of each digest are. Any
/// thread, once it is made.
class ArchiveFile {
 public:
  /// Looks at every header and at no content. unsupported: it is compressed, so its bytes have no place in the file;
  /// corrupt: it is no tar, or is cut off; else as the disk. Blocks.
  static Result<ArchiveFile> open(sys::FileSystem& files, const sys::Path& path);
  /// From now on the file is open only while it is read, so that its disk can be unmounted and its space is free when
  /// it is removed. What has another one's bytes then its digest tells. `files` outlives it.
  void open_on_use(sys::FileSystem& files);

  struct Extent {
    uint64_t offset_bytes = 0;
    uint64_t size_bytes = 0;
  };
  /// nullptr: it has no such content.
  const Extent* find(const oci::Digest& digest) const;
  /// Up to `out.size()` bytes from `position` on; fewer only at the end of the content. Not compared with any digest.
  /// Blocks.
  Result<std::size_t> read(const Extent& extent, uint64_t position, ByteSpan out) const;
  /// All of it. too_many: it is longer than `max_bytes`.
  Result<std::string> text(const Extent& extent, uint64_t max_bytes) const;
  /// The layout's index.json; nullptr: there is none.
  const Extent* index() const { return index_ ? &*index_ : nullptr; }
  const sys::Path& path() const { return path_; }
  std::size_t contents() const { return extents_.size(); }

 private:
  ArchiveFile(sys::Path path, std::shared_ptr<const sys::ReadableFile> file)
      : path_(std::move(path)), file_(std::move(file)) {}

  sys::Path path_;
  std::shared_ptr<const sys::ReadableFile> file_;
  std::map<oci::Digest, Extent> extents_;
  std::optional<Extent> index_;
};

/// "blobs/sha256/<hex>" as a digest; nothing: another path.
std::optional<oci::Digest> digest_of_layout_path(std::string_view path);

}  // namespace lifeboat::blob
