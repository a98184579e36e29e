#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace lifeboat::sys {

struct ProcessRequest {
  std::vector<std::string> arguments;  ///< the program first: a path, or a name that is looked up in PATH
  std::string input;                   ///< its standard input
  Duration within{std::chrono::seconds(10)};
  std::size_t output_max_bytes = std::size_t{64} * 1024;
  bool keeps_errors = false;  ///< what it says on standard error is in the output as well
};

struct ProcessResult {
  int exit_status = 0;  ///< 128 + the signal when it was killed
  std::string output;   ///< its standard output; what it says on standard error is dropped unless it is kept
};

/// Runs a program to its end with this process's environment and none of its descriptors. Blocks: for a thread of a
/// pool. not_found: there is no such program; timed_out: it was killed; too_many: it wrote more than `output_max_bytes`
/// and was killed.
Result<ProcessResult> run_process(const ProcessRequest& request);

}  // namespace lifeboat::sys
