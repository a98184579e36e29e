#include "upstream/paging.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "oci/reference.h"

namespace lifeboat::upstream {
namespace {

/// The strings of a list in a JSON object; what is no string is left out.
Result<std::vector<std::string>> parse_list(std::string_view body, const char* key, std::string_view what) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  const std::string verb = "cannot read list of " + std::string(what) + ": ";
  if (!json.is_object()) return fail(ErrorCode::corrupt, verb + "it is no JSON object");
  const auto found = json.find(key);
  std::vector<std::string> names;
  if (found == json.end() || found->is_null()) return names;
  if (!found->is_array()) return fail(ErrorCode::corrupt, verb + "'" + key + "' is no list");
  for (const auto& name : *found) {
    if (name.is_string()) names.push_back(name.get<std::string>());
  }
  return names;
}

}  // namespace

Result<std::vector<std::string>> parse_tag_list(std::string_view body) {
  LB_TRY(auto names, parse_list(body, "tags", "tags"));
  std::erase_if(names, [](const std::string& name) { return !oci::Tag::parse(name); });
  return names;
}

Result<std::vector<std::string>> parse_catalog(std::string_view body) {
  return parse_list(body, "repositories", "repositories");
}

blob::Source::TagPage page_of(std::vector<std::string> names, std::string_view last, std::size_t limit,
                              bool is_next_named) {
  if (const auto found = std::ranges::find(names, last); !last.empty() && found != names.end()) {
    names.erase(names.begin(), found + 1);
  }
  const bool is_cut = names.size() > limit;
  if (is_cut) names.resize(limit);
  const bool has_more = !names.empty() && (is_cut || is_next_named);
  return {.tags = std::move(names), .has_more = has_more};
}

std::optional<std::string> next_query(std::string_view link) {
  while (true) {
    const std::size_t open = link.find('<');
    const std::size_t close = link.find('>', open);
    if (open == link.npos || close == link.npos) return std::nullopt;
    const std::string_view target = link.substr(open + 1, close - open - 1);
    link.remove_prefix(close + 1);
    const std::string_view parameters = link.substr(0, link.find('<'));
    if (!parameters.contains("rel=\"next\"") && !parameters.contains("rel=next")) continue;
    const std::size_t query = target.find('?');
    if (query == target.npos) return std::nullopt;
    const std::string_view text = target.substr(query + 1, target.find('#') - query - 1);
    const bool is_clean = !text.empty() && text.size() <= 2048 &&
                          std::ranges::all_of(text, [](char letter) { return letter > 0x20 && letter < 0x7f; });
    return is_clean ? std::optional(std::string(text)) : std::nullopt;
  }
}

}  // namespace lifeboat::upstream
