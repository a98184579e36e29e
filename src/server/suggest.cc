#include "server/suggest.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace lifeboat::server {
namespace {

constexpr std::size_t kWordMax = 80;  // a longer word is no typing mistake
constexpr std::size_t kStartMin = 3;  // a word that was cut short counts as one mistake

char lower(char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter; }

/// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0U : 1U)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1])) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string_view nearest(std::string_view given, std::span<const std::string_view> candidates) {
  if (given.empty() || given.size() > kWordMax) return {};
  std::string_view best;
  std::size_t best_distance = kWordMax;
  for (const std::string_view candidate : candidates) {
    const std::size_t allowed = std::max<std::size_t>(1, candidate.size() / 3);
    const bool is_start = given.size() >= kStartMin && candidate.starts_with(given);
    const std::size_t wrong = is_start ? 1 : distance(given, candidate);
    if (wrong <= allowed && wrong < best_distance) {
      best = candidate;
      best_distance = wrong;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view given, std::span<const std::string_view> candidates) {
  const std::string_view meant = nearest(given, candidates);
  if (meant.empty()) return {};
  return std::string(" (did you mean '").append(meant).append("'?)");
}

}  // namespace lifeboat::server
