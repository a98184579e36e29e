#pragma once

#include <span>
#include <string>
#include <string_view>

namespace lifeboat::server {

/// The word a person probably meant by `given`: the nearest candidate, when it is near (about a third of its letters
/// wrong at most); "" when none is. A swap of neighbours counts as one mistake, upper and lower case are the same.
std::string_view nearest(std::string_view given, std::span<const std::string_view> candidates);

/// " (did you mean 'upstream'?)", or "".
std::string did_you_mean(std::string_view given, std::span<const std::string_view> candidates);

}  // namespace lifeboat::server
