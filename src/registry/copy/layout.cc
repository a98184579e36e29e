#include "registry/copy/layout.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/hasher.h"
#include "oci/manifest.h"

namespace lifeboat::registry::copy {
namespace {

constexpr uint64_t kIndexMaxBytes = 256 * kMiB;
constexpr std::size_t kReadBytes = kMiB;
constexpr std::string_view kLockName = ".lifeboat.lock";

Result<std::string> read_whole(sys::FileSystem& files, const sys::Path& path) {
  LB_TRY(const auto file, files.open(path));
  LB_TRY(const uint64_t size, file->size());
  if (size > kIndexMaxBytes) {
    return fail(ErrorCode::invalid, "cannot read '" + path.native() + "': it is too large (got " +
                                        std::to_string(size) + " bytes, want at most " +
                                        std::to_string(kIndexMaxBytes) + ")");
  }
  std::string text(size, '\0');
  LB_TRY(const std::size_t count, file->read_at(0, std::as_writable_bytes(std::span(text))));
  text.resize(count);
  return text;
}

Result<bool> has_bytes(sys::FileSystem& files, const sys::Path& path, const blob::BlobName& blob) {
  const auto info = files.info(path);
  if (!info && info.error().code() != ErrorCode::not_found) return std::unexpected(info.error());
  if (!info || info->is_directory || info->size_bytes != blob.size_bytes) return false;
  LB_TRY(const auto file, files.open(path));
  Hasher hasher(blob.digest.algorithm());
  std::string bytes(kReadBytes, '\0');
  for (uint64_t offset = 0;;) {
    const ByteSpan space = std::as_writable_bytes(std::span(bytes));
    LB_TRY(const std::size_t count, file->read_past_cache(offset, space));
    if (count == 0) break;
    hasher.update(space.first(count));
    offset += count;
  }
  return oci::Digest::of_raw(blob.digest.algorithm(), hasher.current()) == blob.digest;
}

/// A blob on its way into a file.
class LayoutUpload final : public blob::BlobUpload {
 public:
  LayoutUpload(const LayoutPlace& place, blob::BlobName blob)
      : place_(place), blob_(blob), path_(place.content(blob.digest)), hasher_(blob.digest.algorithm()) {}
  ~LayoutUpload() override {
    if (file_ != nullptr) (void)place_.parts.files.remove(fresh_);
  }

  uint64_t offset() const override { return given_; }
  Task<void> give(Call, sys::SharedBytes bytes) override {
    LB_CO_CHECK(co_await place_.parts.disk.run([&] { return write(bytes.bytes); }));
    given_ += bytes.bytes.size();
    co_return Status{};
  }
  Task<void> commit(Call) override {
    co_return co_await place_.parts.disk.run([&] { return settle(); });
  }
  Task<uint64_t> resume(Call, Error failure) override { co_return std::unexpected(std::move(failure)); }

 private:
  Status write(ByteView bytes) {
    if (file_ == nullptr) {
      LB_CHECK(place_.mark());
      LB_TRY(fresh_, place_.parts.placed.beside(path_));
      LB_TRY(file_, place_.parts.placed.create(fresh_));
    }
    hasher_.update(bytes);
    return file_->append(bytes);
  }
  Status settle() {
    if (file_ == nullptr) LB_CHECK(write({}));  // of no bytes
    const oci::Digest got = oci::Digest::of_raw(blob_.digest.algorithm(), hasher_.current());
    if (got != blob_.digest) {
      return fail(ErrorCode::corrupt,
                  "cannot write '" + path_.native() + "': other bytes came (got " + got.to_string() + ")");
    }
    LB_CHECK(file_->sync());
    LB_CHECK(place_.parts.placed.settle(path_));
    file_.reset();
    return {};
  }

  const LayoutPlace place_;
  const blob::BlobName blob_;
  const sys::Path path_;
  sys::Path fresh_;
  std::unique_ptr<sys::WritableFile> file_;
  Hasher hasher_;
  uint64_t given_ = 0;
};

}  // namespace

// ---- the directory ----

sys::Path LayoutPlace::content(const oci::Digest& digest) const {
  return directory / "blobs" / digest.algorithm_name() / digest.hex();
}

Result<std::string> LayoutPlace::index() const {
  auto text = read_whole(parts.files, directory / "index.json");
  if (!text && text.error().code() == ErrorCode::not_found) return std::string();
  return text;
}

Result<oci::Digest> LayoutPlace::find(std::string_view name) const {
  LB_TRY(const std::string text, index());
  if (text.empty()) return fail(ErrorCode::not_found, "cannot find layout '" + directory.native() + "': no index.json");
  LB_TRY(const auto entries, layout_entries(text));
  const auto found = std::ranges::find(entries, name, &LayoutEntry::name);
  if (found != entries.end() && !name.empty()) return found->digest;
  // Without a name one is meant when there is one.
  if (name.empty() && entries.size() == 1) return entries.front().digest;
  return fail(ErrorCode::not_found, "cannot find '" + std::string(name) + "' in layout '" + directory.native() +
                                        "': it has " + std::to_string(entries.size()) + " other entries");
}

Status LayoutPlace::check() const {
  const auto info = parts.files.info(directory);
  if (!info && info.error().code() == ErrorCode::not_found) return {};
  if (!info) return std::unexpected(info.error());
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorCode::invalid, "cannot copy to '" + directory.native() + "': " + std::string(why));
  };
  if (!info->is_directory) return refuse("it is not a directory");
  LB_TRY(const auto entries, parts.files.list(directory));
  const bool is_empty =
      std::ranges::all_of(entries, [](const sys::DirectoryEntry& one) { return one.name == kLockName; });
  if (is_empty || parts.files.info(directory / "oci-layout")) return {};
  return refuse("it is not empty, and no OCI layout; name another directory");
}

Result<std::unique_ptr<sys::FileLock>> LayoutPlace::lock() const {
  LB_CHECK(parts.placed.make_directory(directory));
  auto lock = parts.files.lock(directory / kLockName);
  if (lock) return std::move(*lock);
  if (lock.error().code() != ErrorCode::conflict) return std::unexpected(std::move(lock).error());
  return fail(ErrorCode::conflict, "cannot copy to '" + directory.native() +
                                       "': another copy to it is under way; run this one again when it is done (" +
                                       lock.error().message() + ")");
}

Status LayoutPlace::mark() const {
  const sys::Path path = directory / "oci-layout";
  return parts.files.info(path) ? Status() : parts.placed.write(path, as_bytes(kLayoutVersion));
}

// ---- to write ----

Task<bool> LayoutDestination::has_blob(Call, oci::Repository, blob::BlobName blob) {
  co_return co_await place_.parts.disk.run(
      [&] { return has_bytes(place_.parts.files, place_.content(blob.digest), blob); });
}

Task<std::unique_ptr<blob::BlobUpload>> LayoutDestination::begin(Call, oci::Repository, blob::BlobName blob,
                                                                 std::optional<oci::Repository>) {
  co_return std::make_unique<LayoutUpload>(place_, blob);
}

Task<bool> LayoutDestination::has_manifest(Call, oci::Repository, oci::Reference reference, oci::Digest digest) {
  co_return co_await place_.parts.disk.run([&]() -> Result<bool> {
    if (reference.digest() == nullptr) {
      const auto meant = place_.find(reference.to_string());
      return meant && *meant == digest;
    }
    const auto bytes = read_whole(place_.parts.files, place_.content(*reference.digest()));
    return bytes && oci::Digest::of(digest.algorithm(), as_bytes(*bytes)) == digest;
  });
}

Status LayoutDestination::write_index(const std::string& index) const {
  return place_.parts.placed.write(place_.directory / "index.json", as_bytes(index));
}

Status LayoutDestination::list(const LayoutEntry& entry) const {
  LB_TRY(const std::string before, place_.index());
  LB_TRY(const std::string after, with_entry(before, entry));
  return after == before ? Status() : write_index(after);
}

Task<blob::Destination::Put> LayoutDestination::put_manifest(Call, oci::Repository, oci::Reference reference,
                                                             blob::ManifestToPut manifest) {
  co_return co_await place_.parts.disk.run([&]() -> Result<Put> {
    LB_CHECK(place_.mark());
    LB_CHECK(place_.parts.placed.write(place_.content(manifest.digest), as_bytes(manifest.bytes)));
    LayoutEntry entry{
        .media_type = manifest.media_type, .digest = manifest.digest, .size_bytes = manifest.bytes.size()};
    if (reference.tag() != nullptr) entry.name = reference.to_string();
    const auto document = oci::Manifest::parse(as_bytes(manifest.bytes), "");
    const bool is_referrer = document && document->subject;
    if (!entry.name.empty() || is_referrer) LB_CHECK(list(entry));
    return Put{.is_subject_listed = true};
  });
}

Task<void> LayoutDestination::remove_manifest(Call, oci::Repository, oci::Reference reference) {
  co_return co_await place_.parts.disk.run([&]() -> Status {
    LB_TRY(const std::string before, place_.index());
    if (before.empty()) return {};
    auto after = reference.digest() != nullptr ? without_digest(before, *reference.digest())
                                               : without_name(before, reference.to_string());
    if (!after) return std::unexpected(std::move(after).error());
    return *after == before ? Status() : write_index(*after);
  });
}

// ---- to look at ----

LayoutInspector::LayoutInspector(LayoutPlace place)
    : place_(std::move(place)),
      source_(place_.directory, {place_.parts.files, place_.parts.disk, place_.parts.blocks}) {}

Result<oci::Digest> LayoutInspector::digest_of(const oci::Reference& reference) const {
  if (reference.digest() != nullptr) return *reference.digest();
  return place_.find(reference.to_string());
}

Task<blob::Inspector::Head> LayoutInspector::head(Call, oci::Repository, Thing, oci::Reference reference) {
  co_return co_await place_.parts.disk.run([&]() -> Result<Head> {
    LB_TRY(const oci::Digest digest, digest_of(reference));
    LB_TRY(const auto info, place_.parts.files.info(place_.content(digest)));
    return Head{.size_bytes = info.size_bytes, .digest = digest};
  });
}

Task<blob::Inspector::Answered> LayoutInspector::manifest(Call call, oci::Repository repository,
                                                          oci::Reference reference) {
  LB_CO_TRY(const oci::Digest digest,
            co_await place_.parts.disk.run([&]() -> Result<oci::Digest> { return digest_of(reference); }));
  oci::RepositoryId id{.host = std::nullopt, .name = std::move(repository)};
  LB_CO_TRY(auto fetched, co_await source_.manifest(std::move(call), std::move(id), oci::Reference(digest)));
  co_return Answered{.bytes = std::move(fetched.bytes), .content_type = {}, .digest = digest};
}

Task<std::unique_ptr<blob::Stream>> LayoutInspector::open(Call call, oci::Repository repository, oci::Digest digest,
                                                          Extent) {
  oci::RepositoryId id{.host = std::nullopt, .name = std::move(repository)};
  co_return co_await source_.open(std::move(call), std::move(id), digest, 0);
}

Task<std::vector<oci::Referrer>> LayoutInspector::referrers(Call call, oci::Repository repository,
                                                            oci::Digest subject) {
  oci::RepositoryId id{.host = std::nullopt, .name = std::move(repository)};
  co_return co_await source_.referrers(std::move(call), std::move(id), subject);
}

Task<blob::Source::TagPage> LayoutInspector::tags(Call, oci::Repository, std::string, std::size_t) {
  co_return co_await place_.parts.disk.run([&]() -> Result<blob::Source::TagPage> {
    LB_TRY(const std::string text, place_.index());
    LB_TRY(const auto entries, layout_entries(text));
    blob::Source::TagPage page;
    for (const LayoutEntry& entry : entries) {
      if (!entry.name.empty()) page.tags.push_back(entry.name);
    }
    return page;
  });
}

Task<blob::Inspector::RepositoryPage> LayoutInspector::repositories(Call, std::string, std::size_t) {
  co_return fail(ErrorCode::unsupported, "cannot list the repositories of a layout: it has one, without a name");
}

}  // namespace lifeboat::registry::copy
