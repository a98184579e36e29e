#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>

#include "cli/manuals.h"
#include "server/suggest.h"

namespace lifeboat::cli {

struct Arguments::Native {
  CLI::App app;
};

Arguments::Arguments() : native_(std::make_unique<Native>()) {
  native_->app.set_help_flag();
  native_->app.add_flag("-h,--help");
  native_->app.allow_extras();
}
Arguments::~Arguments() = default;

void Arguments::option(const std::string& names, std::optional<std::string>& value) {
  native_->app.add_option(names, value);
}

void Arguments::list(const std::string& names, std::vector<std::string>& values) {
  native_->app.add_option(names, values)->allow_extra_args(false);
}

void Arguments::flag(const std::string& names, bool& value) { native_->app.add_flag(names, value); }

void Arguments::words(const std::string& name, std::vector<std::string>& values) {
  native_->app.add_option(name, values);
}

void Arguments::choice(const std::string& names, std::string& value, const std::vector<std::string>& choices) {
  native_->app.add_option(names, value)->check(CLI::IsMember(choices));
}

std::optional<int> Arguments::parse(const Command& command, Words arguments, Process& process) try {
  // Whoever asks for help gets it, whatever else is wrong.
  if (std::ranges::any_of(arguments, [](const std::string& word) { return word == "--help" || word == "-h"; })) {
    process.out(plain_text(command.manual()));
    return kFine;
  }
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  native_->app.parse(std::move(reversed));
  const std::vector<std::string> unknown = native_->app.remaining();
  if (unknown.empty()) return std::nullopt;
  std::vector<std::string> names;
  for (const CLI::Option* option : native_->app.get_options()) names.push_back(option->get_name());
  const std::vector<std::string_view> views(names.begin(), names.end());
  const std::string_view name = std::string_view(unknown.front()).substr(0, unknown.front().find('='));
  return explain_usage(command.name, "unknown argument '" + std::string(name) + "'" + server::did_you_mean(name, views),
                       process);
} catch (const CLI::ArgumentMismatch& mistake) {
  const std::string_view what = mistake.what();  // "--listen: 1 required TEXT missing"
  return explain_usage(command.name, "'" + std::string(what.substr(0, what.find(':'))) + "' needs a value", process);
} catch (const std::exception& mistake) {
  return explain_usage(command.name, mistake.what(), process);
}

int explain_usage(std::string_view command, std::string_view what, Process& process) {
  const std::string called = command.empty() ? "lifeboat" : std::string("lifeboat ").append(command);
  process.err(called + ": " + std::string(what) + "\nTry '" + called + " --help'.\n");
  return kUsage;
}

}  // namespace lifeboat::cli
