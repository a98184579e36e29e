#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "sys/http_message.h"

namespace lifeboat::upstream {

/// How many requests a host said it still takes from us.
struct RateLimit {
  uint64_t remaining = 0;
  std::optional<uint64_t> limit{};   ///< in a window
  std::optional<Duration> window{};  ///< how long one is
  std::optional<Duration> resets{};  ///< from now until it begins anew
  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

/// Reads the fields by which hosts tell, and that are seen in the field:
/// - `RateLimit-Limit: 100;w=21600`, `RateLimit-Remaining: 76;w=21600` (Docker Hub);
/// - `RateLimit-Limit`, `-Remaining`, `-Reset` (IETF draft-ietf-httpapi-ratelimit-headers until -06; GitLab), the same
///   with `X-` before it (GitHub and many proxies); a reset is in seconds from now, or the time in Unix seconds;
/// - `RateLimit: limit=100, remaining=50, reset=30` (draft -07), `RateLimit: "name";r=50;t=30` with `RateLimit-Policy:
///   "name";q=100;w=60` (since draft -08): of several the one with the least left.
/// Nothing when no field tells what remains. Times are at most a day; what is malformed is left out.
std::optional<RateLimit> rate_limit_of(const sys::HttpFields& fields, WallTime now);

/// When requests are to be saved.
struct RateFloor {
  uint64_t percent = 10;  ///< of the limit remain, or less; 0: never
  uint64_t requests = 5;  ///< or so many, whatever the limit
  friend bool operator==(const RateFloor&, const RateFloor&) = default;
};
bool is_short(const RateLimit& rate, const RateFloor& floor);

}  // namespace lifeboat::upstream
