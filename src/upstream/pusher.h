#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "blob/destination.h"
#include "upstream/push_wire.h"

namespace lifeboat::upstream {

/// A remote registry behind one endpoint, to be written to (OCI distribution-spec 1.1, the pushing half). It has the
/// transport, the logins and the failure classes of RegistrySource, and no breaker: whoever copies thousands of
/// manifests keeps one of these per endpoint, with its tokens and what it learned of the registry (the largest body
/// that a proxy before it takes), and decides itself when to leave the endpoint alone. Any thread.
///
/// Requests are repeated a few times (push_pause), with `Retry-After` obeyed; a login that is refused is read again
/// once. Digests that the registry tells are compared with ours. What it says is not believed any further: whether
/// content can be pulled from there is for verify's walk to find out.
class RegistryPusher final : public blob::Destination {
 public:
  using Parts = PushWire::Parts;
  struct Options {
    uint64_t bytes_per_second = 0;  ///< of all uploads together; 0: no bound
  };
  RegistryPusher(Parts parts, Endpoint endpoint, Options options);
  ~RegistryPusher() override;

  const std::string& name() const override { return wire_.endpoint().name(); }
  Task<bool> has_blob(Call call, oci::Repository repository, blob::BlobName blob) override;
  Task<std::unique_ptr<blob::BlobUpload>> begin(Call call, oci::Repository repository, blob::BlobName blob,
                                                std::optional<oci::Repository> mount_from) override;
  /// A registry that tells no digest of a tag counts as not having it.
  Task<bool> has_manifest(Call call, oci::Repository repository, oci::Reference reference, oci::Digest digest) override;
  Task<Put> put_manifest(Call call, oci::Repository repository, oci::Reference reference,
                         blob::ManifestToPut manifest) override;
  /// unsupported: the registry has deletes switched off.
  Task<void> remove_manifest(Call call, oci::Repository repository, oci::Reference reference) override;

 private:
  Result<std::string> there(const oci::Repository& repository) const;

  PushWire wire_;
};

}  // namespace lifeboat::upstream
