#include "registry/upkeep/trusted_time.h"

#include <algorithm>
#include <string>

namespace lifeboat::registry {
namespace {

constexpr Duration kStepMax{std::chrono::minutes(10)};

}  // namespace

TrustedTime::TrustedTime(const sys::Clock& clock, Duration grace)
    : clock_(clock), grace_(grace), anchor_(Anchor{clock.wall(), clock.now(), SteadyTime::min()}) {}

TrustedTime::Reading TrustedTime::read(std::string_view what) {
  const WallTime wall = clock_.wall();
  const SteadyTime steady = clock_.now();
  return anchor_.with([&](Anchor& anchor) -> Reading {
    const WallTime reckoned = anchor.wall + std::chrono::duration_cast<Duration>(steady - anchor.steady);
    const Duration step = wall - reckoned;
    const bool was_set = std::chrono::abs(step) > kStepMax;
    if (was_set) anchor = {wall, steady, steady + grace_};
    const Duration set_by = was_set ? step : Duration(0);
    if (steady >= anchor.closed_until) return {std::min(wall, reckoned), set_by};
    const auto left = std::chrono::duration_cast<Duration>(anchor.closed_until - steady);
    return {fail(ErrorCode::unavailable, "cannot " + std::string(what) +
                                             ": the clock of the system was set, nothing is removed until " +
                                             to_rfc3339(wall + left)),
            set_by};
  });
}

}  // namespace lifeboat::registry
