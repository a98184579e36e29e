#pragma once

#include "base/time.h"

namespace lifeboat::meta {

/// How often the pulls of one manifest are noted by whoever answers them: one that is not, since another was, is later
/// than the note by less.
inline constexpr Duration kPullNotedWithin{std::chrono::minutes(5)};

}  // namespace lifeboat::meta
