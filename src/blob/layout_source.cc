#include "blob/layout_source.h"

#include <algorithm>
#include <span>
#include <utility>

#include "oci/document.h"
#include "oci/manifest.h"

namespace lifeboat::blob {
namespace {

/// A layout with every tag of a large repository.
constexpr uint64_t kIndexMaxBytes = 256 * kMiB;

std::unexpected<Error> no_names(const sys::Path& directory) {
  return fail(ErrorCode::unsupported,
              "cannot look up a tag in '" + directory.string() + "': of a layout only digests are asked for");
}

class FileStream final : public Stream {
 public:
  FileStream(std::shared_ptr<const sys::ReadableFile> file, uint64_t size_bytes, uint64_t from, std::string name,
             LayoutSource::Parts parts)
      : file_(std::move(file)), size_bytes_(size_bytes), offset_(from), name_(std::move(name)), parts_(parts) {}

  std::optional<uint64_t> size_bytes() const override { return size_bytes_; }
  std::string endpoint() const override { return name_; }
  Task<sys::Block> next() override {
    sys::Block block = parts_.blocks.take();
    const ByteSpan space = block.free_space();
    LB_CO_TRY(const std::size_t count, co_await parts_.disk.run([&] { return file_->read_at(offset_, space); }));
    block.grow(count);
    offset_ += count;
    co_return std::move(block);
  }

 private:
  const std::shared_ptr<const sys::ReadableFile> file_;
  const uint64_t size_bytes_;
  uint64_t offset_;
  const std::string name_;
  const LayoutSource::Parts parts_;
};

}  // namespace

LayoutSource::LayoutSource(sys::Path directory, Parts parts) : directory_(std::move(directory)), parts_(parts) {}

Result<std::shared_ptr<const sys::ReadableFile>> LayoutSource::file_of(const oci::Digest& digest) const {
  // Whatever the layout is like inside, what is wrong with it is no fault of the content: without a directory there is
  // nobody to say that it has none.
  const auto blobs = parts_.files.info(directory_ / "blobs");
  if (!blobs)
    return fail(ErrorCode::unavailable, "cannot use layout '" + directory_.string() + "': " + blobs.error().message());
  return parts_.files.open(directory_ / "blobs" / digest.algorithm_name() / digest.hex());
}

Task<ResolvedTag> LayoutSource::resolve(Call, oci::RepositoryId, oci::Tag) { co_return no_names(directory_); }

Task<FetchedManifest> LayoutSource::manifest(Call, oci::RepositoryId, oci::Reference reference) {
  const oci::Digest* digest = reference.digest();
  if (digest == nullptr) co_return no_names(directory_);
  co_return co_await parts_.disk.run([&]() -> Result<FetchedManifest> {
    LB_TRY(const auto file, file_of(*digest));
    std::string bytes(oci::kManifestMaxBytes, '\0');
    LB_TRY(const std::size_t count, file->read_at(0, std::as_writable_bytes(std::span(bytes))));
    bytes.resize(count);
    return FetchedManifest{.bytes = std::move(bytes), .content_type = "", .endpoint = directory_.string()};
  });
}

Task<std::unique_ptr<Stream>> LayoutSource::open(Call, oci::RepositoryId, oci::Digest digest, uint64_t from) {
  co_return co_await parts_.disk.run([&]() -> Result<std::unique_ptr<Stream>> {
    LB_TRY(auto file, file_of(digest));
    LB_TRY(const uint64_t size_bytes, file->size());
    return std::make_unique<FileStream>(std::move(file), size_bytes, from, directory_.string(), parts_);
  });
}

Task<Source::TagPage> LayoutSource::tags(Call, oci::RepositoryId, std::string, std::size_t) {
  co_return no_names(directory_);
}

Task<std::vector<oci::Referrer>> LayoutSource::referrers(Call, oci::RepositoryId, oci::Digest subject) {
  co_return co_await parts_.disk.run([&] { return find_referrers(subject); });
}

Result<std::string> LayoutSource::read(const sys::ReadableFile& file, uint64_t bytes_max) const {
  LB_TRY(const uint64_t size, file.size());
  std::string bytes(std::min(size, bytes_max), '\0');
  LB_TRY(const std::size_t count, file.read_at(0, std::as_writable_bytes(std::span(bytes))));
  bytes.resize(count);
  return bytes;
}

Result<std::vector<oci::Referrer>> LayoutSource::find_referrers(const oci::Digest& subject) const {
  std::vector<oci::Referrer> found;
  const auto index = parts_.files.open(directory_ / "index.json");
  if (!index && index.error().code() == ErrorCode::not_found) return found;
  if (!index) return std::unexpected(index.error());
  LB_TRY(const std::string text, read(**index, kIndexMaxBytes));
  LB_TRY(const auto listed, oci::read_document(as_bytes(text), oci::ListedAnnotations::skipped));
  for (const oci::ListedDescriptor& entry : listed.manifests.value_or(std::vector<oci::ListedDescriptor>{})) {
    const auto file = file_of(entry.descriptor.digest);
    if (!file) continue;
    LB_TRY(const std::string bytes, read(**file, oci::kManifestMaxBytes));
    const auto manifest = oci::Manifest::parse(as_bytes(bytes), "");
    if (!manifest || manifest->subject != subject) continue;
    found.push_back({.digest = entry.descriptor.digest,
                     .media_type = manifest->media_type.to_string(),
                     .size_bytes = bytes.size(),
                     .artifact_type = manifest->artifact_type,
                     .annotations_json = manifest->annotations_json});
  }
  return found;
}

}  // namespace lifeboat::blob
