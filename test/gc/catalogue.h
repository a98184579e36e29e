#pragma once

#include <string>
#include <vector>

#include "oci/digest.h"

namespace lifeboat::gc {

/// Few things, each needed by several others: what is pushed, deleted and collected in the model.
struct Catalogue {
  struct Manifest {
    std::string bytes;
    oci::Digest digest;
    std::vector<std::size_t> blobs{};     ///< by number
    std::vector<std::size_t> children{};  ///< by number, smaller than its own
  };
  std::vector<std::string> blobs;
  std::vector<Manifest> manifests;

  static Catalogue make();
};

}  // namespace lifeboat::gc
