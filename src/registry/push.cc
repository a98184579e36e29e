#include "registry/push.h"

#include "registry/manifest_edges.h"

namespace lifeboat::registry {

Push::Push(blob::Store& blobs, meta::Store& names, ContentLeases& leases, ChangeStamps& stamps)
    : blobs_(blobs), names_(names), leases_(leases), stamps_(stamps) {}

Task<std::vector<oci::Digest>> Push::missing_of(Call call, oci::RepositoryId repository,
                                                const oci::Manifest& manifest) {
  std::vector<oci::Digest> blobs;
  if (manifest.config && !manifest.config->is_optional) blobs.push_back(manifest.config->digest);
  for (const oci::Descriptor& layer : manifest.layers) {
    if (!layer.is_optional) blobs.push_back(layer.digest);
  }
  std::vector<oci::Digest> children;
  for (const oci::Descriptor& child : manifest.manifests) {
    if (!child.is_optional) children.push_back(child.digest);
  }
  std::vector<oci::Digest> missing;
  if (!blobs.empty()) {
    LB_CO_TRY(missing, co_await names_.blobs().missing(call, repository, std::move(blobs)));
  }
  if (!children.empty()) {
    LB_CO_TRY(const auto manifests, co_await names_.manifests().missing(call, repository, std::move(children)));
    missing.insert(missing.end(), manifests.begin(), manifests.end());
  }
  co_return missing;
}

Task<PushedManifest> Push::manifest(Call call, ManifestPush push) {
  const ByteView bytes = as_bytes(push.bytes);
  const oci::Digest digest = oci::Digest::of(push.digest ? push.digest->algorithm() : HashAlgorithm::sha256, bytes);
  if (push.digest && digest != *push.digest) {
    co_return fail(ErrorCode::corrupt, "cannot keep manifest: its digest is another (got " + digest.to_string() +
                                           ", want " + push.digest->to_string() + ")");
  }
  LB_CO_TRY(const oci::Manifest manifest, oci::Manifest::parse(bytes, push.content_type));
  LB_CO_TRY(std::vector<oci::Digest> missing, co_await missing_of(call, push.repository, manifest));
  if (!missing.empty()) co_return PushedManifest{digest, std::nullopt, std::move(missing)};

  meta::ManifestPut put{.repository = push.repository,
                        .manifest = record_of(manifest, digest, bytes.size()),
                        .edges = required_edges_of(manifest),
                        .tags = std::move(push.tags),
                        .condition = push.condition,
                        .source = std::move(push.source)};
  // Content first, then names: bytes without a name are harmless, a name without bytes is a fault.
  LB_CO_TRY(const ContentLeases::Lease share, co_await leases_.share(call, digest));
  LB_CO_CHECK(co_await blobs_.put(call, digest, std::move(push.bytes)));
  Status kept = co_await names_.manifests().put(call, std::move(put));
  if (!kept && kept.error().code() == ErrorCode::unavailable) {
    // Something it names went since it was looked for: that is told like what was never there.
    LB_CO_TRY(missing, co_await missing_of(call, push.repository, manifest));
    if (!missing.empty()) co_return PushedManifest{digest, std::nullopt, std::move(missing)};
  }
  if (!kept) co_return std::unexpected(std::move(kept).error());
  stamps_.bump(push.repository);
  co_return PushedManifest{digest, manifest.subject, {}};
}

Task<meta::BlobRecord> Push::mount(Call call, oci::RepositoryId to, std::optional<oci::RepositoryId> from,
                                   oci::Digest digest) {
  co_return co_await names_.blobs().mount(call, std::move(to), std::move(from), digest);
}

Task<void> Push::remove_manifest(Call call, oci::RepositoryId repository, oci::Reference reference) {
  Status removed;
  if (const oci::Tag* tag = reference.tag()) {
    removed = co_await names_.tags().remove(call, repository, *tag);
  } else {
    removed = co_await names_.manifests().remove(call, repository, *reference.digest());
  }
  if (removed) stamps_.bump(repository);
  co_return removed;
}

Task<void> Push::remove_blob(Call call, oci::RepositoryId repository, oci::Digest digest) {
  const Status removed = co_await names_.blobs().unlink(call, repository, digest);
  if (removed) stamps_.bump(repository);
  co_return removed;
}

}  // namespace lifeboat::registry
