#include "cli/human.h"

#include <algorithm>
#include <array>

namespace lifeboat::cli {

std::string human_size(uint64_t bytes) {
  static constexpr std::array<std::string_view, 6> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return human_count(bytes, "byte");
  // In tenths of the unit, rounded; one more unit when rounding reaches it.
  std::size_t unit = 0;
  uint64_t scale = 1024;
  const auto tenths = [&] { return bytes / scale * 10 + (bytes % scale * 10 + scale / 2) / scale; };
  while (tenths() >= 10240 && unit + 1 < kUnits.size()) {
    scale *= 1024;
    ++unit;
  }
  const uint64_t rounded = tenths();
  return std::to_string(rounded / 10) + "." + std::to_string(rounded % 10) + " " + std::string(kUnits.at(unit));
}

std::string human_duration(std::chrono::seconds duration) {
  const auto count = std::max<int64_t>(duration.count(), 0);
  const auto two = [](int64_t large, std::string_view large_unit, int64_t small, std::string_view small_unit) {
    return std::to_string(large).append(large_unit).append(" ").append(std::to_string(small)).append(small_unit);
  };
  if (count < 60) return std::to_string(count) + "s";
  if (count < 3600) return two(count / 60, "m", count % 60, "s");
  if (count < 86400) return two(count / 3600, "h", count % 3600 / 60, "m");
  return two(count / 86400, "d", count % 86400 / 3600, "h");
}

std::string human_count(uint64_t count, std::string_view noun) {
  std::string text = std::to_string(count) + " ";
  if (count == 1) return text.append(noun);
  if (noun.ends_with('y')) return text.append(noun.substr(0, noun.size() - 1)).append("ies");
  return text.append(noun).append("s");
}

std::string wrapped_row(std::string_view label, std::string_view text, std::size_t indent) {
  constexpr std::size_t kColumns = 80;
  std::string out(label);
  out.append(indent - std::min(label.size(), indent), ' ');
  std::size_t column = std::max(label.size(), indent);
  bool is_first = true;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (!is_first && column + 1 + word.size() > kColumns) {
      out.append("\n").append(indent, ' ');
      column = indent;
    } else if (!is_first) {
      out.append(" ");
      ++column;
    }
    out.append(word);
    column += word.size();
    is_first = false;
  }
  return out.append("\n");
}

}  // namespace lifeboat::cli
