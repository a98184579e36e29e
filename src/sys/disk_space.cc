#include "sys/disk_space.h"

#include <system_error>

namespace lifeboat::sys {

Result<DiskSpace> disk_space(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::space_info info = std::filesystem::space(path, error);
  if (error) {
    return fail(ErrorCode::internal, "cannot look at the file system of '" + path.string() + "': " + error.message());
  }
  return DiskSpace{.used_bytes = info.capacity - info.free, .free_bytes = info.available};
}

}  // namespace lifeboat::sys
