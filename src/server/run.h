#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "server/config.h"

namespace lifeboat::server {

/// Reads the sources of the configuration again. On an error the old configuration stays in force. Called on any
/// thread, by one at a time.
using ReloadConfig = std::function<Result<Config>()>;

/// Serves until SIGTERM or SIGINT, then stops gracefully; SIGHUP reads the configuration again. `warnings` are about
/// the configuration and go to the log first. The exit code: 0 stopped as asked, 3 could not start (the reason is in
/// the log).
int run(const Config& config, const ReloadConfig& reload, const std::vector<std::string>& warnings);

}  // namespace lifeboat::server
