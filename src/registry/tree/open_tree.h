#pragma once

#include <memory>
#include <optional>

#include "registry/tree/store_tree.h"
#include "registry/tree/tree.h"

namespace lifeboat::registry {

/// A tree, and what more there is to one of ours.
struct OpenTree {
  std::unique_ptr<Tree> tree;
  StoreTree* store = nullptr;  ///< the same, when it is a data directory of ours
  sys::Path root{};            ///< where it begins: of a distribution tree the folder that has `repositories`
};

/// What lies at `path`: `kind`, or what its files tell. A distribution tree is found from its root directory down to
/// `docker/registry/v2`. not_found: nothing is there; invalid: it is none of these, or not of that kind; else as
/// StoreTree::open, with `may_share`. `files` outlives the tree.
Result<OpenTree> open_tree(const sys::Path& path, std::optional<TreeKind> kind, sys::FileSystem& files,
                           bool may_share = false);

}  // namespace lifeboat::registry
