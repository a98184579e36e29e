#include "server/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "base/bytes.h"

namespace lifeboat::server {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};
// From large to small: a sum must go that way too.
constexpr std::array kTimeUnits{Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1000},
                                Unit{"ms", 1}};
constexpr std::array kSizeUnits{Unit{"TiB", 1024 * kGiB}, Unit{"GiB", kGiB}, Unit{"MiB", kMiB}, Unit{"KiB", kKiB},
                                Unit{"B", 1}};
constexpr uint64_t kDurationMaxMs = uint64_t{36'525} * 86'400'000;
constexpr uint64_t kSizeMaxBytes = uint64_t{1} << 63U;

struct Quantity {
  uint64_t amount = 0;
  std::string_view unit;
};

/// Takes "<digits><letters>" off the front.
std::optional<Quantity> take_quantity(std::string_view& text) {
  const auto is_digit = [](char letter) { return letter >= '0' && letter <= '9'; };
  const auto digits = static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
  Quantity quantity;
  const auto parsed = std::from_chars(text.data(), text.data() + digits, quantity.amount);
  if (digits == 0 || parsed.ec != std::errc()) return std::nullopt;
  text.remove_prefix(digits);
  const auto letters = static_cast<std::size_t>(std::ranges::find_if(text, is_digit) - text.begin());
  quantity.unit = text.substr(0, letters);
  text.remove_prefix(letters);
  return quantity;
}

std::optional<uint64_t> product(uint64_t amount, uint64_t factor, uint64_t max) {
  if (amount > max / factor) return std::nullopt;
  return amount * factor;
}

template <std::size_t N>
std::string render(uint64_t amount, const std::array<Unit, N>& units, std::string_view zero) {
  if (amount == 0) return std::string(zero);
  const Unit& unit = *std::ranges::find_if(units, [&](const Unit& u) { return amount % u.factor == 0; });
  return std::to_string(amount / unit.factor).append(unit.name);
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  uint64_t total_ms = 0;
  const auto* next = kTimeUnits.begin();
  do {
    const auto quantity = take_quantity(text);
    if (!quantity) return std::nullopt;
    const auto* unit = std::find_if(next, kTimeUnits.end(), [&](const Unit& u) { return u.name == quantity->unit; });
    if (unit == kTimeUnits.end()) return std::nullopt;
    const auto part_ms = product(quantity->amount, unit->factor, kDurationMaxMs - total_ms);
    if (!part_ms) return std::nullopt;
    total_ms += *part_ms;
    next = unit + 1;
  } while (!text.empty());
  return Duration(static_cast<Duration::rep>(total_ms));
}

std::string render_duration(Duration duration) {
  return render(static_cast<uint64_t>(std::max<Duration::rep>(duration.count(), 0)), kTimeUnits, "0s");
}

std::optional<uint64_t> parse_size(std::string_view text) {
  const auto quantity = take_quantity(text);
  if (!quantity || !text.empty()) return std::nullopt;
  const auto* unit = std::ranges::find_if(kSizeUnits, [&](const Unit& u) { return u.name == quantity->unit; });
  if (unit == kSizeUnits.end()) return std::nullopt;
  return product(quantity->amount, unit->factor, kSizeMaxBytes);
}

std::string render_size(uint64_t size_bytes) { return render(size_bytes, kSizeUnits, "0B"); }

}  // namespace lifeboat::server
