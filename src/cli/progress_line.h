#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "cli/command.h"

namespace lifeboat::cli {

/// One line on standard error that says how far something is: drawn anew a few times a second where somebody watches,
/// and never elsewhere.
class ProgressLine {
 public:
  /// `process` outlives this.
  explicit ProgressLine(Process& process) : process_(process) {}
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// Asks for the text only when it is time to draw it.
  void show(const std::function<std::string()>& text);
  void clear();

 private:
  Process& process_;
  std::chrono::steady_clock::time_point next_{};
  bool is_drawn_ = false;
};

}  // namespace lifeboat::cli
