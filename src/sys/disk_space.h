#pragma once

#include <cstdint>
#include <filesystem>

#include "base/error.h"

namespace lifeboat::sys {

/// Of a file system, as `df` counts: what only root may take is neither used nor free.
struct DiskSpace {
  uint64_t used_bytes = 0;
  uint64_t free_bytes = 0;
};

/// Of the file system that has this path. Asks the system each time; does not wait for the disk.
Result<DiskSpace> disk_space(const std::filesystem::path& path);

}  // namespace lifeboat::sys
