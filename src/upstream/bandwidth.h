#pragma once

#include <cstdint>
#include <mutex>

#include "base/time.h"

namespace lifeboat::upstream {

/// No more than so many bytes a second, whoever sends them. What was not used is not saved up: after a pause the pace
/// is the same. Any thread.
class Bandwidth {
 public:
  /// 0: without a bound.
  explicit Bandwidth(uint64_t bytes_per_second) : bytes_per_second_(bytes_per_second) {}

  /// When these bytes may go: at once, or when those before them have had their time.
  SteadyTime reserve(uint64_t bytes, SteadyTime now);

 private:
  const uint64_t bytes_per_second_;

  // guarded by mu_
  std::mutex mu_;
  SteadyTime free_from_{};
};

}  // namespace lifeboat::upstream
