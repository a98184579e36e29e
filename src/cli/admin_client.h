#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "cli/arguments.h"
#include "cli/config_options.h"
#include "sys/http_message.h"

namespace lifeboat::cli {

/// The flags that say which running server a command asks: the one that has the data directory which `lifeboat serve`
/// would take with the same flags and environment.
struct AdminOptions {
  ConfigOptions config;

  void declare(Arguments& arguments);
};
/// Given --data, nothing else is read: a mistake in the configuration must not keep anybody from asking. invalid: what
/// is wrong with the configuration.
Result<std::string> data_directory(const AdminOptions& options, const Process& process);

/// Prints why a command could not do its work, and gives its exit code: kUsage for `invalid`, else kCouldNotFindOut.
int explain_failure(const Error& error, Process& process);

struct AdminRequest {
  sys::HttpMethod method = sys::HttpMethod::get;
  std::string target;  ///< "/api/v1/status"
  std::string body{};  ///< JSON; of a POST
  Duration within{std::chrono::seconds(5)};
};

/// Asks the server of the data directory `data` over its local socket, and blocks until it has answered: the body of
/// its answer. unavailable: no server runs there; denied: it is somebody else's; timed_out: it hangs; any code that
/// http/error_response.h knows: the server's own refusal. Messages say what to do.
Result<std::string> ask_server(const std::string& data, const AdminRequest& request);

}  // namespace lifeboat::cli
