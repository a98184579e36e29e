#pragma once

#include <map>
#include <string>

#include "registry/tree/tree.h"

namespace lifeboat::registry {

/// What CNCF distribution keeps on a file system (its registry/storage/paths.go), 2.x and 3.x alike:
///
///   blobs/<algorithm>/ab/<hex>/data                                 the bytes
///   repositories/<name>/_layers/<algorithm>/<hex>/link              lets <name> serve a blob
///   repositories/<name>/_manifests/revisions/<algorithm>/<hex>/link  lets <name> serve a manifest
///   repositories/<name>/_manifests/tags/<tag>/current/link          what the tag points to
///   repositories/<name>/_uploads/<id>/                              an upload session
///
/// A link is a file with nothing but a digest in it. A blob that was pushed by its sha512 has its bytes under their
/// sha256 alone, and a link in `_layers/sha512` that says so (linkBlob in its registry/storage/linkedblobstore.go). A
/// file `link.<uuid>.tmp` or `data.<uuid>.tmp` is what a crash of 3.x left (PutContent of its filesystem driver), a
/// directory without its `link` what the collector of 3.x did (RemoveLayer in its registry/storage/vacuum.go): neither
/// serves anything. A directory below `repositories` that is a symbolic link is not looked into, as it may lead in
/// circles: it counts as unreadable. Whether links elsewhere are followed is for the disk to say that it is given
/// (sys/disk_beneath.h).
class DistributionTree final : public Tree {
 public:
  /// `root` has the folders `blobs` and `repositories`. `files` outlives this.
  DistributionTree(sys::Path root, sys::FileSystem& files);

  TreeKind kind() const override { return TreeKind::distribution; }
  Result<std::vector<std::string>> repositories() override;
  Result<TreeRepository> read(const std::string& repository, DigestTable& table) override;
  LinkState link(const std::string& repository, LinkKind kind, const oci::Digest& digest) override;
  oci::Digest kept_as(const std::string& repository, const oci::Digest& blob) override;
  sys::Path content(const oci::Digest& digest) const override;
  Status for_each_content(const std::function<void(const oci::Digest&)>& take) override;

  const sys::Path& root() const { return root_; }
  sys::Path link_path(const std::string& repository, LinkKind kind, const oci::Digest& digest) const;

 private:
  void read_tags(const sys::Path& folder, TreeRepository& found, DigestTable& table);
  void read_links(LinkKind kind, TreeRepository& found, DigestTable& table);
  void read_uploads(const sys::Path& folder, TreeRepository& found);
  sys::Path folder_of(const std::string& repository) const { return root_ / "repositories" / repository; }

  const sys::Path root_;
  std::map<std::string, std::string> not_entered_;  ///< directories that were not looked into, and why
};

}  // namespace lifeboat::registry
