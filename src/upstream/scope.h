#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lifeboat::upstream {

/// "repository:<name>:pull"
std::string pull_scope(std::string_view repository);

/// The scope to ask a token for: the one of the challenge cut down to pulling, when it is about one repository; else
/// `own`. An endpoint does not get to choose a wider token than the request needs.
std::string scope_of(std::optional<std::string_view> challenged, const std::string& own);

}  // namespace lifeboat::upstream
