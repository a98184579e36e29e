#pragma once

#include "registry/tree/tree.h"

namespace lifeboat::registry {

/// An OCI image layout (image-spec image-layout.md): `oci-layout`, `index.json`, `blobs/<algorithm>/<hex>`. Its one
/// repository has no name; a tag is an entry of index.json that carries org.opencontainers.image.ref.name.
/// Entries that give one tag to several manifests make it ambiguous: skopeo takes the first, containerd the last, so it
/// points nowhere here.
class LayoutTree final : public Tree {
 public:
  /// `files` outlives this.
  LayoutTree(sys::Path root, sys::FileSystem& files);

  TreeKind kind() const override { return TreeKind::oci_layout; }
  Result<std::vector<std::string>> repositories() override;
  /// Errors of index.json: invalid, when it is none.
  Result<TreeRepository> read(const std::string& repository, DigestTable& table) override;
  LinkState link(const std::string& repository, LinkKind kind, const oci::Digest& digest) override;
  sys::Path content(const oci::Digest& digest) const override;
  Status for_each_content(const std::function<void(const oci::Digest&)>& take) override;

  const sys::Path& root() const { return root_; }

 private:
  const sys::Path root_;
};

}  // namespace lifeboat::registry
