#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "cli/arguments.h"
#include "server/load.h"

namespace lifeboat::cli {

/// The flags that say what the configuration is: the same for every command that has one.
struct ConfigOptions {
  std::optional<std::string> file;
  server::ConfigFlags flags;

  void declare(Arguments& arguments);
};

/// Reads the file that the options or the variable LIFEBOAT_CONFIG name, and nothing when neither does. The code of the
/// error is never `invalid`: that one is for what load_config finds in it.
Result<server::ConfigSources> read_sources(const ConfigOptions& options, const Process& process);

}  // namespace lifeboat::cli
