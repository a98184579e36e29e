#pragma once

#include <string>

#include "server/load.h"

namespace lifeboat::server {

/// The whole configuration as a file that means the same, each value with a comment that says where it came from.
/// Holds no secret: a Config has none.
std::string render_toml(const LoadedConfig& loaded);
/// The same for programs: every key is `{"value": …, "from": "default" | "<file>:<line>" | …}`.
std::string render_json(const LoadedConfig& loaded);

/// The reference page: every setting with its default, meaning and limits, as Markdown.
std::string render_reference();

}  // namespace lifeboat::server
