#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace lifeboat::cli {

/// The options of one command: first what there is, then parse.
class Arguments {
 public:
  Arguments();
  ~Arguments();
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  /// `names` as in "--config" or "-o,--output". What is stored into must outlive parse.
  void option(const std::string& names, std::optional<std::string>& value);
  /// May be given several times, one value each.
  void list(const std::string& names, std::vector<std::string>& values);
  /// `--this,!--no-this`: the second sets it to false.
  void flag(const std::string& names, bool& value);
  /// The words without a name, however many.
  void words(const std::string& name, std::vector<std::string>& values);
  /// One of `choices`.
  void choice(const std::string& names, std::string& value, const std::vector<std::string>& choices);

  /// Nothing: go on. A code: the command is done, with that code; `--help` has printed the manual, or a mistake has
  /// been explained.
  std::optional<int> parse(const Command& command, Words arguments, Process& process);

 private:
  struct Native;
  std::unique_ptr<Native> native_;
};

/// Explains a mistake in how the command was called: `lifeboat serve: <what>`, and where help is. kUsage.
int explain_usage(std::string_view command, std::string_view what, Process& process);

}  // namespace lifeboat::cli
