#pragma once

#include <chrono>
#include <string>

namespace lifeboat {

/// Durations and deadlines: never goes back. Not comparable across restarts.
using SteadyTime = std::chrono::steady_clock::time_point;
/// What people and other machines call the time; kept with a resolution of a millisecond.
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;
using Duration = std::chrono::milliseconds;

/// RFC 3339 in UTC with milliseconds: "2026-01-31T12:00:00.000Z".
std::string to_rfc3339(WallTime time);
/// RFC 9110 §5.6.7 IMF-fixdate: "Sat, 31 Jan 2026 12:00:00 GMT".
std::string to_http_date(WallTime time);

}  // namespace lifeboat
