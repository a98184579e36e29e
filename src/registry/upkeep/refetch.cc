#include "registry/upkeep/refetch.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "oci/manifest.h"

namespace lifeboat::registry {
namespace {

/// Indexes of indexes are rare.
constexpr int kDepthMax = 3;

std::optional<oci::Digest> smallest_blob_of(const oci::Manifest& manifest) {
  std::vector<oci::Descriptor> blobs;
  if (manifest.config) blobs.push_back(*manifest.config);
  blobs.insert(blobs.end(), manifest.layers.begin(), manifest.layers.end());
  std::erase_if(blobs, [](const oci::Descriptor& blob) { return blob.is_optional; });
  const auto smallest = std::ranges::min_element(blobs, {}, &oci::Descriptor::size_bytes);
  return smallest == blobs.end() ? std::nullopt : std::optional(smallest->digest);
}

Refetch without(const Error& error) {
  return error.code() == ErrorCode::not_found ? Refetch::absent : Refetch::refused;
}

Awaitable<Refetch> try_blob(Call call, blob::Source& source, oci::RepositoryId repository, oci::Digest blob) {
  const auto stream = co_await source.open(std::move(call), std::move(repository), blob, 0);
  if (!stream) co_return without(stream.error());
  const auto block = co_await (*stream)->next();
  co_return block ? Refetch::given : Refetch::refused;
}

}  // namespace

Awaitable<Refetch> try_refetch(Call call, blob::Source& source, oci::RepositoryId repository, oci::Digest manifest) {
  for (int depth = 0; depth < kDepthMax; ++depth) {
    if (!source.can_be_asked_for(repository) || source.is_short_of_requests()) co_return Refetch::refused;
    const auto fetched = co_await source.manifest(call, repository, oci::Reference(manifest));
    if (!fetched) co_return without(fetched.error());
    const ByteView bytes = as_bytes(fetched->bytes);
    if (oci::Digest::of(manifest.algorithm(), bytes) != manifest) co_return Refetch::refused;
    const auto parsed = oci::Manifest::parse(bytes, fetched->content_type);
    if (!parsed) co_return Refetch::refused;
    if (!parsed->is_index()) {
      const auto blob = smallest_blob_of(*parsed);
      if (!blob) co_return Refetch::given;
      co_return co_await try_blob(std::move(call), source, std::move(repository), *blob);
    }
    if (parsed->manifests.empty()) co_return Refetch::given;
    manifest = parsed->manifests.front().digest;
  }
  co_return Refetch::given;
}

}  // namespace lifeboat::registry
