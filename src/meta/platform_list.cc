#include "meta/platform_list.h"

#include <set>

namespace lifeboat::meta {

std::string merged_platforms(std::string_view one, std::string_view other) {
  std::set<std::string_view> names;
  for (std::string_view list : {one, other}) {
    while (!list.empty()) {
      const std::size_t comma = list.find(',');
      if (const std::string_view name = list.substr(0, comma); !name.empty()) names.insert(name);
      list.remove_prefix(comma == list.npos ? list.size() : comma + 1);
    }
  }
  if (names.contains("all")) return "all";
  std::string text;
  for (const std::string_view name : names) text.append(text.empty() ? "" : ",").append(name);
  return text;
}

}  // namespace lifeboat::meta
