#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/call.h"
#include "base/task.h"
#include "blob/store.h"
#include "meta/store.h"
#include "oci/repository_id.h"

namespace lifeboat::registry {

/// What is here of a manifest and of all it names, without asking anybody.
struct Holding {
  struct Child {
    oci::Digest digest;
    std::string platform;  ///< "linux/amd64"; "" for what is no program to run
    bool is_whole = false;
  };
  bool is_here = false;              ///< the manifest itself
  bool is_whole = false;             ///< and everything under it
  bool is_pullable = false;          ///< and everything under it for one platform at least
  std::vector<Child> children;       ///< of an index, in its order
  std::vector<oci::Digest> missing;  ///< of a manifest: blobs it names that are not here
};

/// Walks what is held. Any thread.
class Holdings {
 public:
  Holdings(blob::Store& blobs, meta::Store& names) : blobs_(blobs), names_(names) {}

  /// Of a manifest that is not here, and of one that cannot be read, nothing is held. The errors are the stores' own.
  Task<Holding> of(Call call, oci::RepositoryId repository, oci::Digest digest);
  /// Holding::is_pullable alone, and no further than it takes to know it.
  Task<bool> can_be_pulled(Call call, oci::RepositoryId repository, oci::Digest digest);

 private:
  /// Which manifests were walked, and whether they are whole: an index may name one child many times.
  using Seen = std::map<oci::Digest, bool>;
  enum class Extent : bool { all, until_pullable };
  Task<Holding> walk(Call call, oci::RepositoryId repository, oci::Digest digest, int depth, Extent extent, Seen& seen);

  blob::Store& blobs_;
  meta::Store& names_;
};

}  // namespace lifeboat::registry
