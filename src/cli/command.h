#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/gc_report.h"
#include "server/load.h"
#include "server/run.h"

namespace lifeboat::cli {

/// What a command tells whoever started it; the same for all of them, and part of each manual.
enum ExitCode : int {
  kFine = 0,
  kFoundWrong = 1,       ///< it looked, and something is wrong
  kUsage = 2,            ///< it was asked in a way it does not understand
  kCouldNotFindOut = 3,  ///< it could not look or do what was asked
};

/// The process around a command, handed in so that tests can be it.
struct Process {
  server::Environment environment;
  bool is_root = false;
  bool is_terminal = false;                   ///< somebody watches: what is under way may be drawn and drawn again
  std::function<void(std::string_view)> out;  ///< standard output: what was asked for
  std::function<void(std::string_view)> err;  ///< standard error: everything else
  /// server::run
  std::function<int(const server::Config&, const server::ReloadConfig&, const std::vector<std::string>&)> serve;
  /// server::collect_offline
  std::function<Result<http::GcReport>(const server::Config&, registry::Sweep::DryRun)> collect{};
  /// server::scrub
  std::function<Result<http::ScrubReport>(const server::Config&, const http::ScrubRequest&,
                                          const std::function<void(const http::ScrubReport&)>&)>
      scrub;
};

using Words = std::span<const std::string>;

struct Command {
  std::string_view name;
  std::string_view summary;  ///< for the list of commands
  std::string_view (*manual)();
  int (*run)(const Command& self, Words arguments, Process& process);
};

/// In the order people should read them.
std::span<const Command> commands();

/// Runs `lifeboat <arguments>` (without the program's name) and returns its exit code.
int dispatch(Words arguments, Process& process);

}  // namespace lifeboat::cli
