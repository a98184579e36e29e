#include "upstream/bandwidth.h"

#include <algorithm>

namespace lifeboat::upstream {

SteadyTime Bandwidth::reserve(uint64_t bytes, SteadyTime now) {
  if (bytes_per_second_ == 0) return now;
  const std::chrono::duration<double> takes(static_cast<double>(bytes) / static_cast<double>(bytes_per_second_));
  const std::lock_guard lock(mu_);
  const SteadyTime begins = std::max(free_from_, now);
  free_from_ = begins + std::chrono::duration_cast<SteadyTime::duration>(takes);
  return begins;
}

}  // namespace lifeboat::upstream
