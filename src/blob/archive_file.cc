#include "blob/archive_file.h"

#include <algorithm>
#include <span>
#include <utility>

#include "sys/tar.h"

namespace lifeboat::blob {
namespace {

class OpenedOnUse final : public sys::ReadableFile {
 public:
  OpenedOnUse(sys::FileSystem& files, sys::Path path) : files_(files), path_(std::move(path)) {}
  Result<std::size_t> read_at(uint64_t offset, ByteSpan out) const override {
    LB_TRY(const auto file, files_.open(path_));
    return file->read_at(offset, out);
  }
  Result<uint64_t> size() const override {
    LB_TRY(const auto file, files_.open(path_));
    return file->size();
  }

 private:
  sys::FileSystem& files_;
  const sys::Path path_;
};

}  // namespace

std::optional<oci::Digest> digest_of_layout_path(std::string_view path) {
  constexpr std::string_view kBlobs = "blobs/";
  if (!path.starts_with(kBlobs)) return std::nullopt;
  path.remove_prefix(kBlobs.size());
  const std::size_t slash = path.find('/');
  if (slash == path.npos) return std::nullopt;
  const auto digest =
      oci::Digest::parse(std::string(path.substr(0, slash)) + ":" + std::string(path.substr(slash + 1)));
  return digest ? std::optional(*digest) : std::nullopt;
}

Result<ArchiveFile> ArchiveFile::open(sys::FileSystem& files, const sys::Path& path) {
  LB_TRY(auto file, files.open(path));
  LB_TRY(const uint64_t size_bytes, file->size());
  LB_TRY(const auto reader, sys::TarReader::open(file, path.native()));
  if (reader->compression() != sys::TarCompression::none) {
    return fail(ErrorCode::unsupported, "cannot read content in archive '" + path.native() + "': it is compressed (" +
                                            std::string(to_string(reader->compression())) + ")");
  }
  ArchiveFile found(path, std::move(file));
  for (;;) {
    LB_TRY(const auto entry, reader->next());
    if (!entry) return found;
    if (!entry->is_file) continue;
    const Extent extent{.offset_bytes = *entry->offset_bytes, .size_bytes = entry->size_bytes};
    if (extent.offset_bytes > size_bytes || extent.size_bytes > size_bytes - extent.offset_bytes) {
      return fail(ErrorCode::corrupt,
                  "cannot read archive '" + path.native() + "': it is cut off in '" + entry->name + "'");
    }
    if (entry->name == "index.json") found.index_ = extent;
    if (const auto digest = digest_of_layout_path(entry->name)) found.extents_.insert_or_assign(*digest, extent);
  }
}

void ArchiveFile::open_on_use(sys::FileSystem& files) { file_ = std::make_shared<OpenedOnUse>(files, path_); }

const ArchiveFile::Extent* ArchiveFile::find(const oci::Digest& digest) const {
  const auto found = extents_.find(digest);
  return found == extents_.end() ? nullptr : &found->second;
}

Result<std::size_t> ArchiveFile::read(const Extent& extent, uint64_t position, ByteSpan out) const {
  const uint64_t left = extent.size_bytes - std::min(position, extent.size_bytes);
  return file_->read_at(extent.offset_bytes + position, out.first(std::min<uint64_t>(left, out.size())));
}

Result<std::string> ArchiveFile::text(const Extent& extent, uint64_t max_bytes) const {
  if (extent.size_bytes > max_bytes) {
    return fail(ErrorCode::too_many, "cannot read a document in archive '" + path_.native() +
                                         "': it is too long (got " + std::to_string(extent.size_bytes) +
                                         " bytes, want at most " + std::to_string(max_bytes) + ")");
  }
  std::string text(extent.size_bytes, '\0');
  LB_TRY(const std::size_t count, read(extent, 0, std::as_writable_bytes(std::span(text))));
  text.resize(count);
  return text;
}

}  // namespace lifeboat::blob
