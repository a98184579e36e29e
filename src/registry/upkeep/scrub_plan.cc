#include "registry/upkeep/scrub_plan.h"

#include <algorithm>
#include <array>

namespace lifeboat::registry {

SteadyTime Pace::after(uint64_t bytes, SteadyTime now) {
  if (rate_ == 0) return now;
  const auto takes =
      std::chrono::nanoseconds(static_cast<int64_t>(1e9 * static_cast<double>(bytes) / static_cast<double>(rate_)));
  free_at_ = std::max(free_at_, now) + std::chrono::duration_cast<SteadyTime::duration>(takes);
  return free_at_;
}

std::string TourPosition::to_string() const {
  std::string text = began.to_string() + (has_come_around ? " around" : " on");
  if (last) text += " " + last->to_string();
  return text;
}

std::optional<TourPosition> TourPosition::parse(std::string_view text) {
  const std::size_t first = text.find(' ');
  if (first == text.npos) return std::nullopt;
  const auto began = oci::Digest::parse(text.substr(0, first));
  std::string_view rest = text.substr(first + 1);
  const std::size_t second = rest.find(' ');
  const std::string_view way = rest.substr(0, second);
  if (!began || (way != "around" && way != "on")) return std::nullopt;
  TourPosition position{.began = *began, .last = std::nullopt, .has_come_around = way == "around"};
  if (second != rest.npos) {
    const auto last = oci::Digest::parse(rest.substr(second + 1));
    if (!last) return std::nullopt;
    position.last = *last;
  }
  return position;
}

namespace {

using std::chrono::hours;
using std::chrono::minutes;
constexpr std::array<Duration, 5> kPauses{minutes(1), minutes(5), minutes(30), hours(2), hours(6)};

}  // namespace

Duration pause_before_repair(uint32_t tries) {
  return kPauses.at(std::min<std::size_t>(tries == 0 ? 0 : tries - 1, kPauses.size() - 1));
}

bool is_repair_due(WallTime due, WallTime now) { return due <= now || due - now > kPauses.back(); }

}  // namespace lifeboat::registry
