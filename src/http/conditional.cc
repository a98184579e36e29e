#include "http/conditional.h"

#include <algorithm>

#include "oci/text.h"

namespace lifeboat::http {
namespace {

std::string_view unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') return text.substr(1, text.size() - 2);
  return text;
}

std::string_view without_weakness(std::string_view text) {
  return text.starts_with("W/") || text.starts_with("w/") ? text.substr(2) : text;
}

}  // namespace

bool is_known_to_client(std::string_view if_none_match, std::string_view digest) {
  while (!if_none_match.empty()) {
    const std::size_t end = std::min(if_none_match.find(','), if_none_match.size());
    const std::string_view tag = oci::without_outer_space(if_none_match.substr(0, end));
    if (tag == "*" || unquoted(without_weakness(tag)) == digest) return true;
    if_none_match.remove_prefix(std::min(end + 1, if_none_match.size()));
  }
  return false;
}

bool range_applies(std::string_view if_range, std::string_view digest) {
  const std::string_view tag = oci::without_outer_space(if_range);
  return tag.empty() || unquoted(tag) == digest;
}

Result<std::optional<meta::TagCondition>> push_condition(std::string_view if_match, std::string_view if_none_match) {
  const std::string_view match = oci::without_outer_space(if_match);
  const std::string_view none_match = oci::without_outer_space(if_none_match);
  if (match.empty() && none_match.empty()) return std::nullopt;
  if (match.empty() && none_match == "*") return meta::TagCondition{std::nullopt};
  if (none_match.empty()) {
    if (const auto digest = oci::Digest::parse(unquoted(match))) return meta::TagCondition{*digest};
  }
  return fail(ErrorCode::conflict,
              "cannot keep the condition of the push: it is none of those known (want If-Match with one digest, or "
              "If-None-Match: *)");
}

}  // namespace lifeboat::http
