#include "registry/slow_body.h"

namespace lifeboat::registry {

SteadyTime slowest_end(SteadyTime begun, uint64_t received) {
  return begun + std::chrono::minutes(1) + std::chrono::minutes(1) * (received / kSlowestBytesPerMinute);
}

}  // namespace lifeboat::registry
