#include "registry/held_manifest.h"

#include <span>

namespace lifeboat::registry {

Task<HeldManifest> read_held_manifest(Call call, blob::Store& blobs, meta::Store& names, oci::RepositoryId repository,
                                      oci::Digest digest) {
  LB_CO_TRY(meta::ManifestRecord record, co_await names.manifests().find(call, repository, digest));
  auto content = co_await blobs.open(call, digest);
  std::string bytes(record.size_bytes, '\0');
  Status read;
  if (!content) {
    read = std::unexpected(content.error());
  } else if (auto count = content->bytes->read_at(0, std::as_writable_bytes(std::span(bytes))); !count) {
    read = std::unexpected(count.error());
  } else if (*count != record.size_bytes || content->size_bytes != record.size_bytes) {
    read = fail(ErrorCode::corrupt, "wrong length");
  } else if (oci::Digest::of(digest.algorithm(), as_bytes(bytes)) != digest) {
    read = fail(ErrorCode::corrupt, "wrong bytes");
  }
  if (!read) {
    // It may have been deleted and collected at this moment.
    LB_CO_CHECK(co_await names.manifests().find(call, repository, digest));
    co_return fail(ErrorCode::corrupt, "cannot read manifest '" + digest.to_string() + "' of '" +
                                           repository.to_string() + "': " + read.error().message() + " (want " +
                                           std::to_string(record.size_bytes) + " bytes)");
  }
  co_return HeldManifest{std::move(record), std::move(bytes)};
}

}  // namespace lifeboat::registry
