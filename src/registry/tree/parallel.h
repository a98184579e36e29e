#pragma once

#include <cstddef>
#include <functional>

namespace lifeboat::registry {

/// Calls `each` with 0 … count - 1, on several threads at once where there are many, and returns when all are done. For
/// work that waits for a disk or computes for a moment: more threads than cores, since disks answer several at a time.
void in_parallel(std::size_t count, const std::function<void(std::size_t)>& each);

}  // namespace lifeboat::registry
