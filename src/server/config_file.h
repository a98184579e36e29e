#pragma once

#include <string_view>
#include <vector>

#include "server/assignment.h"

namespace lifeboat::server {

/// The settings of a TOML document, in its order; `name` is how errors call it. What is not TOML, or has a shape that
/// no setting has, goes into `problems`. Whether a key exists and its value fits is the caller's question.
std::vector<Assignment> parse_config_file(std::string_view name, std::string_view text, Problems& problems);

}  // namespace lifeboat::server
