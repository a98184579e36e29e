#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "oci/digest.h"
#include "sys/tar.h"

namespace lifeboat::registry::archive {

/// What one reading of an archive from its beginning to its end has shown.
struct Scan {
  struct Blob {
    uint64_t size_bytes = 0;
    oci::Digest actual;  ///< of its bytes, whatever its name says
  };
  std::map<oci::Digest, Blob> blobs{};             ///< by their names
  std::map<oci::Digest, std::string> documents{};  ///< those that may be manifests
  std::set<std::string> paths{};                   ///< of all regular files
  std::optional<std::string> layout{};
  std::optional<std::string> index{};
  std::optional<std::string> docker_list{};
  sys::TarCompression compression = sys::TarCompression::none;
};

/// corrupt: it is no archive, or is cut off; too_many: its documents are beyond all measure. Blocks.
Result<Scan> scan(const std::shared_ptr<const sys::ReadableFile>& file, const std::string& name,
                  const std::function<void(uint64_t)>& told);

}  // namespace lifeboat::registry::archive
