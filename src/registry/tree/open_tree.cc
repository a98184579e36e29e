#include "registry/tree/open_tree.h"

#include <string>
#include <utility>

#include "registry/tree/distribution_tree.h"
#include "registry/tree/layout_tree.h"

namespace lifeboat::registry {
namespace {

/// What may not be looked at is not the same as what is not there.
Result<bool> has(sys::FileSystem& files, const sys::Path& path) {
  const auto info = files.info(path);
  if (!info && info.error().code() == ErrorCode::invalid) return std::unexpected(info.error());
  return info.has_value();
}

Result<std::optional<sys::Path>> distribution_root(const sys::Path& path, sys::FileSystem& files) {
  for (const std::string_view below : {"", "docker/registry/v2", "registry/v2", "v2"}) {
    const sys::Path root = below.empty() ? path : path / below;
    LB_TRY(const bool has_names, has(files, root / "repositories"));
    if (has_names) return root;
    LB_TRY(const bool has_content, has(files, root / "blobs" / "sha256"));
    if (has_content) return root;
  }
  return std::nullopt;
}

Result<std::optional<TreeKind>> kind_at(const sys::Path& path, sys::FileSystem& files) {
  // A layout has blobs/sha256 as well, and so has a data directory: the marks of those come first.
  LB_TRY(const bool is_ours, has(files, path / "lifeboat-data"));
  if (is_ours) return TreeKind::lifeboat;
  LB_TRY(const bool is_layout, has(files, path / "oci-layout"));
  if (is_layout) return TreeKind::oci_layout;
  LB_TRY(const auto root, distribution_root(path, files));
  if (root) return TreeKind::distribution;
  return std::nullopt;
}

std::unexpected<Error> refuse(const sys::Path& path, const std::string& reason) {
  return fail(ErrorCode::invalid, "cannot open '" + path.native() + "': " + reason);
}

Result<OpenTree> open_layout(const sys::Path& path, sys::FileSystem& files) {
  LB_TRY(const bool has_index, has(files, path / "index.json"));
  if (!has_index) return refuse(path, "an OCI layout without index.json");
  return OpenTree{.tree = std::make_unique<LayoutTree>(path, files), .root = path};
}

Result<OpenTree> open_distribution(const sys::Path& path, sys::FileSystem& files) {
  LB_TRY(const auto root, distribution_root(path, files));
  if (!root) return refuse(path, "there is no 'docker/registry/v2' with repositories in it");
  return OpenTree{.tree = std::make_unique<DistributionTree>(*root, files), .root = *root};
}

Result<OpenTree> open_store(const sys::Path& path, sys::FileSystem& files, bool may_share) {
  LB_TRY(auto store, StoreTree::open(path, files, may_share));
  StoreTree* const itself = store.get();
  return OpenTree{.tree = std::move(store), .store = itself, .root = path};
}

}  // namespace

Result<OpenTree> open_tree(const sys::Path& path, std::optional<TreeKind> kind, sys::FileSystem& files,
                           bool may_share) {
  LB_TRY(const sys::FileInfo info, files.info(path));
  if (!info.is_directory) return refuse(path, "it is not a directory");
  LB_CHECK(files.list(path));  // before "nothing is there" is said of what may not be read
  if (!kind) {
    LB_TRY(kind, kind_at(path, files));
  }
  if (!kind) {
    return refuse(path, "it is no registry's (want 'docker/registry/v2', 'oci-layout' or 'lifeboat-data' in it)");
  }
  switch (*kind) {
    case TreeKind::distribution: return open_distribution(path, files);
    case TreeKind::oci_layout: return open_layout(path, files);
    case TreeKind::lifeboat: return open_store(path, files, may_share);
  }
  return refuse(path, "of an unknown kind");
}

}  // namespace lifeboat::registry
