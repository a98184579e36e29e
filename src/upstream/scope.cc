#include "upstream/scope.h"

namespace lifeboat::upstream {

std::string pull_scope(std::string_view repository) { return "repository:" + std::string(repository) + ":pull"; }

std::string push_scope(std::string_view repository, std::string_view mount_from) {
  std::string scope = pull_scope(repository) + ",push";
  if (!mount_from.empty()) scope.append(" ").append(pull_scope(mount_from));
  return scope;
}

std::string delete_scope(std::string_view repository) { return "repository:" + std::string(repository) + ":delete"; }

std::string scope_of(std::optional<std::string_view> challenged, const std::string& own) {
  static constexpr std::string_view kKind = "repository:";
  if (!challenged || !challenged->starts_with(kKind) || challenged->contains(' ')) return own;
  if (!own.starts_with(kKind) || own.contains(' ')) return own;
  const std::size_t end = challenged->rfind(':');
  if (end <= kKind.size()) return own;
  return std::string(challenged->substr(0, end)).append(own.substr(own.rfind(':')));
}

}  // namespace lifeboat::upstream
