#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "oci/digest.h"

/// The decisions of the scrubber and the repairer. Pure.
namespace lifeboat::registry {

/// Bytes at a rate, in the long run: when the next may be read. What was not read while there was nothing to read is
/// not made up for.
class Pace {
 public:
  /// 0: as fast as it goes.
  explicit Pace(uint64_t bytes_per_second) : rate_(bytes_per_second) {}
  /// After these bytes were read: not before then.
  SteadyTime after(uint64_t bytes, SteadyTime now);

 private:
  uint64_t rate_;
  SteadyTime free_at_{};
};

/// Where a tour is: it begins behind a random digest, goes to the last of all, and from the first on to where it began.
struct TourPosition {
  oci::Digest began;
  std::optional<oci::Digest> last{};  ///< looked at last; nothing: none since the beginning, or since it came around
  bool has_come_around = false;

  /// As meta::Tour keeps it.
  std::string to_string() const;
  /// Nothing: it is of another version, or none.
  static std::optional<TourPosition> parse(std::string_view text);
  /// Whether this one is behind the end of the tour.
  bool is_over_at(const oci::Digest& digest) const { return has_come_around && digest > began; }
};

/// How long after a try to repair that failed, the `tries`-th in a row, the next one is.
Duration pause_before_repair(uint32_t tries);
/// Whether the next try that was set for `due` is to be now. One that is further away than any pause was set before the
/// clock was.
bool is_repair_due(WallTime due, WallTime now);

}  // namespace lifeboat::registry
