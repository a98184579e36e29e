#include "blob/archive_source.h"

#include <algorithm>
#include <utility>

#include "oci/manifest.h"
#include "sys/posix_file.h"

namespace lifeboat::blob {
namespace {

/// What the link of `lifeboat archive save` to the newest of a name ends with.
constexpr std::string_view kLatest = "-latest.tar";

std::unexpected<Error> no_names(const sys::Path& directory) {
  return fail(ErrorCode::unsupported,
              "cannot look up a tag in '" + directory.native() + "': of archives only digests are asked for");
}

class ExtentStream final : public Stream {
 public:
  struct Of {
    std::shared_ptr<const ArchiveFile> archive;
    oci::Digest digest;
    ArchiveFile::Extent extent;
  };
  ExtentStream(Of of, uint64_t from, ArchiveSource::Parts parts, std::shared_ptr<ArchiveSource::Rejected> rejected)
      : of_(std::move(of)), position_(from), parts_(parts), rejected_(std::move(rejected)) {}

  std::optional<uint64_t> size_bytes() const override { return of_.extent.size_bytes; }
  std::string endpoint() const override { return of_.archive->path().native(); }
  Task<sys::Block> next() override {
    sys::Block block = parts_.blocks.take();
    const ByteSpan space = block.free_space();
    LB_CO_TRY(const std::size_t count,
              co_await parts_.disk.run([&] { return of_.archive->read(of_.extent, position_, space); }));
    block.grow(count);
    position_ += count;
    co_return std::move(block);
  }
  void reject() override {
    rejected_->with([this](auto& rejected) { rejected.emplace(of_.archive, of_.digest); });
  }

 private:
  const Of of_;
  uint64_t position_;
  const ArchiveSource::Parts parts_;
  const std::shared_ptr<ArchiveSource::Rejected> rejected_;
};

}  // namespace

/// A file as it was when it was read.
struct ArchiveSource::Known {
  uint64_t size_bytes = 0;
  WallTime modified{};
  std::shared_ptr<const ArchiveFile> archive{};  ///< nothing: it is compressed
};

ArchiveSource::ArchiveSource(sys::Path directory, Parts parts)
    : directory_(std::move(directory)),
      parts_(parts),
      known_(std::make_unique<Guarded<std::map<std::string, Known>>>()),
      rejected_(std::make_shared<Rejected>()) {}
ArchiveSource::~ArchiveSource() = default;

Result<ArchiveSource::Known> ArchiveSource::read_anew(const sys::Path& path, const sys::FileInfo& info) {
  Known fresh{.size_bytes = info.size_bytes, .modified = info.modified};
  auto archive = ArchiveFile::open(parts_.files, path);
  if (!archive && archive.error().code() == ErrorCode::unsupported) return fresh;
  if (!archive) return std::unexpected(std::move(archive).error());
  archive->open_on_use(parts_.files);
  fresh.archive = std::make_shared<const ArchiveFile>(std::move(*archive));
  return fresh;
}

Result<ArchiveSource::Shelf> ArchiveSource::look() {
  const auto listed = parts_.files.list(directory_);
  if (!listed) {
    return fail(ErrorCode::unavailable,
                "cannot use archives in '" + directory_.native() + "': " + listed.error().message());
  }
  const auto before = known_->with([](const auto& known) { return known; });
  std::map<std::string, Known> now;
  Shelf shelf;
  for (const sys::DirectoryEntry& entry : *listed) {
    if (entry.is_directory || entry.name.starts_with('.') || !entry.name.ends_with(".tar")) continue;
    const sys::Path path = directory_ / entry.name;
    // It leads to one that is looked at anyway.
    if (entry.name.ends_with(kLatest) && sys::is_symbolic_link(path)) continue;
    const auto info = parts_.files.info(path);
    if (!info) continue;  // it went meanwhile, or is a link that leads nowhere
    const auto known = before.find(entry.name);
    const bool is_same = known != before.end() && known->second.size_bytes == info->size_bytes &&
                         known->second.modified == info->modified;
    auto one = is_same ? Result<Known>(known->second) : read_anew(path, *info);
    if (!one) {
      shelf.unreadable = std::move(one).error();
      continue;
    }
    if (one->archive != nullptr) shelf.archives.push_back(one->archive);
    now.insert_or_assign(entry.name, std::move(*one));
  }
  known_->with([&](auto& known) { known = std::move(now); });
  return shelf;
}

Result<ArchiveSource::Found> ArchiveSource::find(const oci::Digest& digest) {
  LB_TRY(const Shelf shelf, look());
  const auto rejected = rejected_->with([](const auto& all) { return all; });
  bool is_rejected_somewhere = false;
  for (const auto& archive : shelf.archives) {
    const ArchiveFile::Extent* extent = archive->find(digest);
    if (extent == nullptr) continue;
    if (!rejected.contains({archive, digest})) return Found{archive, *extent};
    is_rejected_somewhere = true;
  }
  const std::string what = "cannot find content '" + digest.to_string() + "' in '" + directory_.native() + "': ";
  if (shelf.unreadable) return fail(ErrorCode::unavailable, what + shelf.unreadable->message());
  if (is_rejected_somewhere) return fail(ErrorCode::corrupt, what + "each archive that has it has other bytes");
  return fail(ErrorCode::not_found, what + "no archive has it");
}

Task<ResolvedTag> ArchiveSource::resolve(Call, oci::RepositoryId, oci::Tag) { co_return no_names(directory_); }

Task<FetchedManifest> ArchiveSource::manifest(Call, oci::RepositoryId, oci::Reference reference) {
  const oci::Digest* digest = reference.digest();
  if (digest == nullptr) co_return no_names(directory_);
  co_return co_await parts_.disk.run([&]() -> Result<FetchedManifest> {
    LB_TRY(const Found found, find(*digest));
    LB_TRY(std::string bytes, found.archive->text(found.extent, oci::kManifestMaxBytes));
    return FetchedManifest{.bytes = std::move(bytes), .content_type = "", .endpoint = found.archive->path().native()};
  });
}

Task<std::unique_ptr<Stream>> ArchiveSource::open(Call, oci::RepositoryId, oci::Digest digest, uint64_t from) {
  co_return co_await parts_.disk.run([&]() -> Result<std::unique_ptr<Stream>> {
    LB_TRY(const Found found, find(digest));
    return std::make_unique<ExtentStream>(ExtentStream::Of{found.archive, digest, found.extent}, from, parts_,
                                          rejected_);
  });
}

Task<Source::TagPage> ArchiveSource::tags(Call, oci::RepositoryId, std::string, std::size_t) {
  co_return no_names(directory_);
}

Task<std::vector<oci::Referrer>> ArchiveSource::referrers(Call, oci::RepositoryId, oci::Digest) {
  co_return std::vector<oci::Referrer>();
}

}  // namespace lifeboat::blob
