#include "registry/adopt/archive_origin.h"

#include <algorithm>
#include <utility>

#include "oci/full_reference.h"
#include "oci/manifest.h"
#include "registry/random_id.h"

namespace lifeboat::registry::adopt {
namespace {

constexpr uint64_t kIndexMaxBytes = 4 * kMiB;

}  // namespace

Result<std::unique_ptr<ArchiveOrigin>> ArchiveOrigin::open(sys::FileSystem& files, const sys::Path& path, Parts parts) {
  LB_TRY(auto archive, blob::ArchiveFile::open(files, path));
  const auto* index = archive.index();
  if (index == nullptr) {
    return fail(ErrorCode::invalid, "cannot load archive '" + path.native() + "': it has no index.json");
  }
  LB_TRY(const std::string text, archive.text(*index, kIndexMaxBytes));
  LB_TRY(const auto entries, archive::read_index(as_bytes(text)));
  std::unique_ptr<ArchiveOrigin> origin(new ArchiveOrigin(std::move(archive), parts));
  for (const archive::Entry& entry : entries) LB_CHECK(origin->take(entry));
  return origin;
}

Status ArchiveOrigin::take(const archive::Entry& entry) {
  LB_TRY(const oci::FullReference name, oci::FullReference::parse(entry.name));
  Names& names = repositories_[name.repository.to_string()];
  const oci::Digest& digest = entry.descriptor.digest;
  const oci::Tag* tag = name.reference.tag();
  if (tag == nullptr) {
    if (std::ranges::find(names.untagged, digest) == names.untagged.end()) names.untagged.push_back(digest);
    return {};
  }
  const auto known = std::ranges::find(names.tags, tag->to_string(), &Names::Tagged::tag);
  if (known == names.tags.end()) {
    names.tags.push_back({tag->to_string(), digest});
  } else if (known->digest != digest) {
    return fail(ErrorCode::invalid, "cannot load archive '" + archive_.path().native() +
                                        "': two names in it would be '" + name.repository.to_string() + ":" +
                                        tag->to_string() + "' here (load it into containerd, or save them apart)");
  }
  return {};
}

Task<std::vector<std::string>> ArchiveOrigin::repositories(Call /*call*/) {
  std::vector<std::string> names;
  for (const auto& [name, of] : repositories_) names.push_back(name);
  co_return names;
}

Task<Names> ArchiveOrigin::names(Call /*call*/, std::string repository) { co_return repositories_.at(repository); }

Result<blob::ArchiveFile::Extent> ArchiveOrigin::extent_of(const oci::Digest& digest) const {
  if (const auto* extent = archive_.find(digest)) return *extent;
  return fail(ErrorCode::not_found, "cannot find '" + digest.to_string() + "' in archive '" + archive_.path().native() +
                                        "': it is not in it");
}

Task<std::string> ArchiveOrigin::manifest(Call /*call*/, std::string /*repository*/, oci::Digest digest) {
  LB_CO_TRY(const auto extent, extent_of(digest));
  co_return co_await parts_.disk.run([&] { return archive_.text(extent, oci::kManifestMaxBytes); });
}

Task<std::vector<oci::Digest>> ArchiveOrigin::referrers(Call /*call*/, std::string /*repository*/,
                                                        oci::Digest /*subject*/) {
  co_return std::vector<oci::Digest>();
}

Task<Landing::Landed> ArchiveOrigin::bring(Call call, std::string /*repository*/, WantedBlob blob, Landing& landing) {
  const oci::Digest& digest = blob.digest;
  LB_CO_TRY(const auto extent, extent_of(digest));
  LB_CO_TRY(const bool is_held, landing.holds(digest, extent.size_bytes));
  if (is_held) co_return Landing::Landed{.how = Landing::How::held, .size_bytes = extent.size_bytes};
  LB_CO_TRY(const auto writer, co_await landing.blobs().begin(call, random_upload_id(), digest.algorithm()));
  for (uint64_t position = 0; position < extent.size_bytes;) {
    sys::Block block = parts_.blocks.take();
    const ByteSpan space = block.free_space();
    const auto count = co_await parts_.disk.run([&] { return archive_.read(extent, position, space); });
    Status taken = count ? Status() : Status(std::unexpected(count.error()));
    if (count) {
      block.grow(*count);
      position += *count;
      taken = co_await writer->append(std::move(block));
      if (taken && *count == 0) break;  // it has become shorter: the digest will tell
    }
    if (!taken) {
      (void)co_await writer->discard();
      co_return std::unexpected(taken.error());
    }
  }
  const auto committed = co_await writer->commit(digest);
  if (!committed) co_return std::unexpected(committed.error());
  co_return Landing::Landed{.how = Landing::How::copied, .size_bytes = extent.size_bytes};
}

Task<std::optional<uint64_t>> ArchiveOrigin::look(Call /*call*/, std::string /*repository*/, oci::Digest digest) {
  LB_CO_TRY(const auto extent, extent_of(digest));
  co_return extent.size_bytes;
}

}  // namespace lifeboat::registry::adopt
