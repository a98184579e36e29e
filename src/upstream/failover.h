#pragma once

#include <cstddef>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace lifeboat::upstream {

/// What to say when every endpoint failed: the failure with the lowest rank (verdict.h), among equals the first.
/// `failures` is in the order of the endpoints and not empty; the others are named behind it.
Error most_telling(const std::vector<Error>& failures);

/// Until when one endpoint may try when `endpoints_left` (itself included) share the time to `deadline`: a first one
/// that hangs must leave time for the next.
SteadyTime share_of(SteadyTime now, SteadyTime deadline, std::size_t endpoints_left);

}  // namespace lifeboat::upstream
