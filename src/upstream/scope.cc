#include "upstream/scope.h"

namespace lifeboat::upstream {

std::string pull_scope(std::string_view repository) { return "repository:" + std::string(repository) + ":pull"; }

std::string scope_of(std::optional<std::string_view> challenged, const std::string& own) {
  static constexpr std::string_view kKind = "repository:";
  if (!challenged || !challenged->starts_with(kKind) || challenged->contains(' ')) return own;
  const std::size_t end = challenged->rfind(':');
  if (end <= kKind.size()) return own;
  return pull_scope(challenged->substr(kKind.size(), end - kKind.size()));
}

}  // namespace lifeboat::upstream
