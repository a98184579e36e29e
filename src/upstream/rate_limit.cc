#include "upstream/rate_limit.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace lifeboat::upstream {
namespace {

constexpr std::size_t kFieldMaxBytes = kKiB;
constexpr uint64_t kSecondsMax = uint64_t{24} * 3600;
/// A reset beyond this is no span but a time: nobody's window is thirty years.
constexpr uint64_t kLeastUnixSeconds = 1'000'000'000;
constexpr uint64_t kLeastUnixMilliseconds = 1000 * kLeastUnixSeconds;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// The parts of `text` between `separator`, but for those inside of quotes.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  bool is_quoted = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '"') is_quoted = !is_quoted;
    if (i < text.size() && (text[i] != separator || is_quoted)) continue;
    parts.push_back(trimmed(text.substr(begin, i - begin)));
    begin = i + 1;
  }
  return parts;
}

/// The whole number that `text` begins with; a fraction behind it is left out.
std::optional<uint64_t> number_of(std::string_view text) {
  uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || (rest != end && *rest != '.')) return std::nullopt;
  return value;
}

std::optional<Duration> seconds_of(std::optional<uint64_t> value) {
  if (!value) return std::nullopt;
  return std::chrono::seconds(std::min(*value, kSecondsMax));
}

std::optional<Duration> reset_of(std::optional<uint64_t> value, WallTime now) {
  if (!value || *value < kLeastUnixSeconds) return seconds_of(value);
  const uint64_t unix_ms = *value < kLeastUnixMilliseconds ? *value * 1000 : *value;
  const auto now_ms = static_cast<uint64_t>(std::max<int64_t>(0, now.time_since_epoch().count()));
  return seconds_of(unix_ms > now_ms ? (unix_ms - now_ms + 999) / 1000 : 0);
}

/// `head;a=1;b=2`
struct Item {
  std::string_view head;
  std::vector<std::pair<std::string_view, std::string_view>> parameters;

  std::optional<uint64_t> number(std::string_view name) const {
    const auto found = std::ranges::find(parameters, name, [](const auto& one) { return one.first; });
    return found == parameters.end() ? std::nullopt : number_of(found->second);
  }
};

std::vector<Item> items_of(std::string_view field) {
  std::vector<Item> items;
  for (const std::string_view text : split(field.substr(0, kFieldMaxBytes), ',')) {
    const auto parts = split(text, ';');
    Item item{.head = parts.front(), .parameters = {}};
    for (const std::string_view part : parts) {
      const std::size_t equals = part.find('=');
      if (equals == part.npos) continue;
      item.parameters.emplace_back(trimmed(part.substr(0, equals)), trimmed(part.substr(equals + 1)));
    }
    items.push_back(std::move(item));
  }
  return items;
}

/// The first that tells `name`, of several items or of one.
std::optional<uint64_t> first_number(const std::vector<Item>& items, std::string_view name) {
  for (const Item& item : items) {
    if (const auto value = item.number(name)) return value;
  }
  return std::nullopt;
}

/// One field for each number.
std::optional<RateLimit> of_single_fields(const sys::HttpFields& fields, const std::string& prefix, WallTime now) {
  const std::string limit = fields.joined(prefix + "Limit");
  const std::string remaining = fields.joined(prefix + "Remaining");
  const std::string reset = fields.joined(prefix + "Reset");
  const auto limits = items_of(limit);
  const auto left = items_of(remaining);
  const auto count = number_of(left.front().head);
  if (!count) return std::nullopt;
  RateLimit rate{.remaining = *count, .limit = number_of(limits.front().head)};
  const auto window = left.front().number("w");
  rate.window = seconds_of(window ? window : first_number(limits, "w"));
  rate.resets = reset_of(number_of(items_of(reset).front().head), now);
  return rate;
}

/// All in one field.
std::optional<RateLimit> of_one_field(const sys::HttpFields& fields, WallTime now) {
  const std::string field = fields.joined("RateLimit");
  const std::string policy = fields.joined("RateLimit-Policy");
  const auto items = items_of(field);
  const auto policies = items_of(policy);
  if (const auto remaining = first_number(items, "remaining")) {
    return RateLimit{.remaining = *remaining,
                     .limit = first_number(items, "limit"),
                     .window = seconds_of(first_number(policies, "w")),
                     .resets = reset_of(first_number(items, "reset"), now)};
  }
  std::optional<RateLimit> least;
  for (const Item& item : items) {
    const auto remaining = item.number("r");
    if (!remaining || (least && least->remaining <= *remaining)) continue;
    least = RateLimit{.remaining = *remaining, .resets = reset_of(item.number("t"), now)};
    const auto its_policy = std::ranges::find(policies, item.head, &Item::head);
    if (its_policy == policies.end()) continue;
    least->limit = its_policy->number("q");
    least->window = seconds_of(its_policy->number("w"));
  }
  return least;
}

}  // namespace

std::optional<RateLimit> rate_limit_of(const sys::HttpFields& fields, WallTime now) {
  if (auto rate = of_single_fields(fields, "RateLimit-", now)) return rate;
  if (auto rate = of_one_field(fields, now)) return rate;
  return of_single_fields(fields, "X-RateLimit-", now);
}

bool is_short(const RateLimit& rate, const RateFloor& floor) {
  if (floor.percent == 0) return false;
  // Of a small limit not even half is kept back.
  const auto requests = rate.limit ? std::min<uint64_t>(floor.requests, *rate.limit / 2) : floor.requests;
  if (rate.remaining <= requests) return true;
  // Without an overflow, and exactly at the share.
  return rate.limit && rate.remaining <= *rate.limit / 100 * floor.percent + *rate.limit % 100 * floor.percent / 100;
}

}  // namespace lifeboat::upstream
