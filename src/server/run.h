#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "http/scrub_report.h"
#include "server/config.h"

namespace lifeboat::server {

/// Reads the sources of the configuration again. On an error the old configuration stays in force. Called on any
/// thread, by one at a time.
using ReloadConfig = std::function<Result<Config>()>;

/// Serves until SIGTERM or SIGINT, then stops gracefully; SIGHUP reads the configuration again. `warnings` are about
/// the configuration and go to the log first. The exit code: 0 stopped as asked, 3 could not start (the reason is in
/// the log).
int run(const Config& config, const ReloadConfig& reload, const std::vector<std::string>& warnings);

/// A whole tour over the data directory of a server that does not run: opens it, listens nowhere, closes it. Blocks;
/// `watch` is told now and then how far it is. not_found: there is no data directory; conflict: a process has it; else
/// why it cannot be opened.
Result<http::ScrubReport> scrub(const Config& config, const http::ScrubRequest& request,
                                const std::function<void(const http::ScrubReport&)>& watch);

}  // namespace lifeboat::server
