#pragma once

#include <string>
#include <vector>

#include "oci/manifest.h"

namespace lifeboat::registry::archive {

/// An entry of an archive's index.json.
struct Entry {
  std::string name{};  ///< as containerd takes it, or else as the layout has it; "" for none
  oci::Descriptor descriptor;
};

/// Whoever wrote it. invalid: it is no index.
Result<std::vector<Entry>> read_index(ByteView bytes);

/// An entry of Docker's manifest.json.
struct DockerEntry {
  std::string config{};  ///< paths inside the archive
  std::vector<std::string> layers{};
  std::vector<std::string> tags{};
};
/// invalid: it is no such list.
Result<std::vector<DockerEntry>> read_docker_list(ByteView bytes);

}  // namespace lifeboat::registry::archive
