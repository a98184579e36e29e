#include "registry/held_manifest.h"

#include <span>

namespace lifeboat::registry {

namespace {

/// The digest is the authority, not what a record says of the length.
Result<std::string> whole_bytes(const blob::Content& content, const oci::Digest& digest) {
  if (content.size_bytes > oci::kManifestMaxBytes) return fail(ErrorCode::corrupt, "wrong length");
  std::string bytes(content.size_bytes, '\0');
  LB_TRY(const std::size_t count, content.bytes->read_at(0, std::as_writable_bytes(std::span(bytes))));
  bytes.resize(count);
  if (oci::Digest::of(digest.algorithm(), as_bytes(bytes)) != digest) return fail(ErrorCode::corrupt, "wrong bytes");
  return bytes;
}

}  // namespace

Result<oci::Manifest> parse_manifest(std::string_view bytes, const std::string& content_type) {
  auto manifest = oci::Manifest::parse(as_bytes(bytes), content_type);
  for (const std::string_view type : {oci::kOciManifest, oci::kOciIndex}) {
    if (manifest || !content_type.empty()) break;
    manifest = oci::Manifest::parse(as_bytes(bytes), type);
  }
  return manifest;
}

Task<std::string> read_document(Call call, blob::Store& blobs, oci::Digest digest) {
  LB_CO_TRY(const blob::Content content, co_await blobs.open(std::move(call), digest));
  auto bytes = whole_bytes(content, digest);
  if (bytes) co_return std::move(*bytes);
  co_return fail(bytes.error().code(), "cannot read content '" + digest.to_string() + "': " + bytes.error().message());
}

Task<HeldManifest> read_held_manifest(Call call, blob::Store& blobs, meta::Store& names, oci::RepositoryId repository,
                                      oci::Digest digest) {
  LB_CO_TRY(meta::ManifestRecord record, co_await names.manifests().find(call, repository, digest));
  const auto content = co_await blobs.open(call, digest);
  auto bytes = content ? whole_bytes(*content, digest) : Result<std::string>(std::unexpected(content.error()));
  if (!bytes) {
    // It may have been deleted and collected at this moment.
    LB_CO_CHECK(co_await names.manifests().find(call, repository, digest));
    co_return fail(ErrorCode::corrupt, "cannot read manifest '" + digest.to_string() + "' of '" +
                                           repository.to_string() + "': " + bytes.error().message() + " (want " +
                                           std::to_string(record.size_bytes) + " bytes)");
  }
  record.size_bytes = bytes->size();
  co_return HeldManifest{std::move(record), std::move(*bytes)};
}

}  // namespace lifeboat::registry
