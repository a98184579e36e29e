#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lifeboat::upstream {

/// "repository:<name>:pull"
std::string pull_scope(std::string_view repository);

/// "repository:<name>:pull,push"; with a repository to mount from, a space and that one's pull_scope().
std::string push_scope(std::string_view repository, std::string_view mount_from = {});

/// "repository:<name>:delete"
std::string delete_scope(std::string_view repository);

/// The scope to ask a token for: the one of the challenge cut down to the actions of `own`, when both are about one
/// repository; else `own`. An endpoint does not get to choose a wider token than the request needs.
std::string scope_of(std::optional<std::string_view> challenged, const std::string& own);

}  // namespace lifeboat::upstream
