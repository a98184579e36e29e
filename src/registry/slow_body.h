#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/time.h"

namespace lifeboat::registry {

/// A body that comes more slowly holds up whoever waits for it for as long as its source likes. Of a source that says
/// nothing at all the transport's stall deadline tells.
constexpr uint64_t kSlowestBytesPerMinute = 64 * kKiB;

/// When more than the `received` bytes must have come of a body that began then; the first minute is for free. Pure.
SteadyTime slowest_end(SteadyTime begun, uint64_t received);

}  // namespace lifeboat::registry
