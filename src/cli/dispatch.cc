#include <algorithm>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/manuals.h"
#include "server/suggest.h"

namespace lifeboat::cli {
namespace {

/// The manual of the whole, then the commands there are.
std::string overview() {
  std::string text = plain_text(lifeboat_manual());
  std::size_t width = 0;
  for (const Command& command : commands()) width = std::max(width, command.name.size());
  text.append("\nCommands:\n\n");
  for (const Command& command : commands()) {
    text.append("  ").append(command.name).append(width - command.name.size() + 2, ' ');
    text.append(command.summary).append("\n");
  }
  return text;
}

const Command* find_command(std::string_view name) {
  const auto found = std::ranges::find(commands(), name, &Command::name);
  return found == commands().end() ? nullptr : &*found;
}

int explain_unknown(std::string_view name, Process& process) {
  std::vector<std::string_view> names{"help"};
  for (const Command& command : commands()) names.push_back(command.name);
  return explain_usage("", "unknown command '" + std::string(name) + "'" + server::did_you_mean(name, names), process);
}

int help(Words arguments, Process& process) {
  if (arguments.empty()) {
    process.out(overview());
    return kFine;
  }
  const Command* command = find_command(arguments.front());
  if (command == nullptr) return explain_unknown(arguments.front(), process);
  process.out(plain_text(command->manual()));
  return kFine;
}

}  // namespace

int dispatch(Words arguments, Process& process) {
  if (arguments.empty()) {
    process.err(overview());
    return kUsage;
  }
  const std::string_view name = arguments.front();
  if (name == "help" || name == "--help" || name == "-h") return help(arguments.subspan(1), process);
  const Command* command = find_command(name == "--version" ? "version" : name);
  if (command == nullptr) return explain_unknown(name, process);
  return command->run(*command, arguments.subspan(1), process);
}

}  // namespace lifeboat::cli
