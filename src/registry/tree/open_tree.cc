#include "registry/tree/open_tree.h"

#include <string>
#include <utility>

#include "registry/tree/distribution_tree.h"
#include "registry/tree/layout_tree.h"

namespace lifeboat::registry {
namespace {

bool has(sys::FileSystem& files, const sys::Path& path) { return files.info(path).has_value(); }

std::optional<sys::Path> distribution_root(const sys::Path& path, sys::FileSystem& files) {
  for (const std::string_view below : {"", "docker/registry/v2", "registry/v2", "v2"}) {
    const sys::Path root = below.empty() ? path : path / below;
    if (has(files, root / "repositories") || has(files, root / "blobs" / "sha256")) return root;
  }
  return std::nullopt;
}

std::optional<TreeKind> kind_at(const sys::Path& path, sys::FileSystem& files) {
  // A layout has blobs/sha256 as well, and so has a data directory: the marks of those come first.
  if (has(files, path / "lifeboat-data")) return TreeKind::lifeboat;
  if (has(files, path / "oci-layout")) return TreeKind::oci_layout;
  if (distribution_root(path, files)) return TreeKind::distribution;
  return std::nullopt;
}

std::unexpected<Error> refuse(const sys::Path& path, const std::string& reason) {
  return fail(ErrorCode::invalid, "cannot open '" + path.native() + "': " + reason);
}

Result<OpenTree> open_layout(const sys::Path& path, sys::FileSystem& files) {
  if (!has(files, path / "index.json")) return refuse(path, "an OCI layout without index.json");
  return OpenTree{.tree = std::make_unique<LayoutTree>(path, files), .root = path};
}

Result<OpenTree> open_distribution(const sys::Path& path, sys::FileSystem& files) {
  const auto root = distribution_root(path, files);
  if (!root) return refuse(path, "there is no 'docker/registry/v2' with repositories in it");
  return OpenTree{.tree = std::make_unique<DistributionTree>(*root, files), .root = *root};
}

Result<OpenTree> open_store(const sys::Path& path, sys::FileSystem& files) {
  LB_TRY(auto store, StoreTree::open(path, files));
  StoreTree* const itself = store.get();
  return OpenTree{.tree = std::move(store), .store = itself, .root = path};
}

}  // namespace

Result<OpenTree> open_tree(const sys::Path& path, std::optional<TreeKind> kind, sys::FileSystem& files) {
  LB_TRY(const sys::FileInfo info, files.info(path));
  if (!info.is_directory) return refuse(path, "it is not a directory");
  LB_CHECK(files.list(path));  // before "nothing is there" is said of what may not be read
  if (!kind) kind = kind_at(path, files);
  if (!kind) {
    return refuse(path, "it is no registry's (want 'docker/registry/v2', 'oci-layout' or 'lifeboat-data' in it)");
  }
  switch (*kind) {
    case TreeKind::distribution: return open_distribution(path, files);
    case TreeKind::oci_layout: return open_layout(path, files);
    case TreeKind::lifeboat: return open_store(path, files);
  }
  return refuse(path, "of an unknown kind");
}

}  // namespace lifeboat::registry
