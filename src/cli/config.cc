#include "cli/config.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cli/config_options.h"
#include "server/setting_value.h"
#include "server/show.h"
#include "server/suggest.h"

namespace lifeboat::cli {
namespace {

struct Options {
  ConfigOptions config;
  std::string output = "text";
  bool is_json() const { return output == "json"; }
};

void check_readable(std::string_view setting, const std::string& file, std::vector<std::string>& problems) {
  if (file.empty() || access(file.c_str(), R_OK) == 0) return;
  const int reason = errno;
  problems.push_back("cannot read '" + std::string(setting) + "' '" + file + "': " + std::strerror(reason));  // NOLINT
}

/// The files that the settings name: only a look at this machine tells.
std::vector<std::string> unreadable_files(const server::Config& config) {
  std::vector<std::string> problems;
  check_readable("server.tls_certificate", config.server.tls_certificate, problems);
  check_readable("server.tls_key", config.server.tls_key, problems);
  const auto check_upstream = [&](const server::UpstreamConfig& upstream) {
    for (const server::EndpointConfig& endpoint : upstream.endpoints) {
      check_readable("upstream.endpoints.password_file", endpoint.password_file, problems);
      check_readable("upstream.endpoints.ca_file", endpoint.ca_file, problems);
    }
  };
  if (config.default_upstream) check_upstream(*config.default_upstream);
  if (config.any_upstream) check_upstream(*config.any_upstream);
  for (const server::UpstreamConfig& upstream : config.upstreams) check_upstream(upstream);
  return problems;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    lines.emplace_back(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(lines.back().size() + 1, text.size()));
  }
  return lines;
}

std::string json_list(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) {
    if (out.size() > 1) out.push_back(',');
    out.append(server::quoted(text));
  }
  return out.append("]");
}

int check(const Options& options, const server::ConfigSources& sources, Process& process) {
  const auto loaded = server::load_config(sources);
  const std::vector<std::string> warnings = loaded ? loaded->warnings : std::vector<std::string>();
  const std::vector<std::string> problems =
      loaded ? unreadable_files(loaded->config) : lines_of(loaded.error().message());
  if (options.is_json()) {
    process.out("{\"problems\":" + json_list(problems) + ",\"warnings\":" + json_list(warnings) + "}\n");
  } else {
    for (const std::string& warning : warnings) process.err("warning: " + warning + "\n");
    for (const std::string& problem : problems) process.err(problem + "\n");
    if (problems.empty()) {
      process.out((sources.file_text ? sources.file_name : std::string("the configuration")) + " is fine\n");
    }
  }
  return problems.empty() ? kFine : kFoundWrong;
}

int show(const Options& options, const server::ConfigSources& sources, Process& process) {
  const auto loaded = server::load_config(sources);
  if (!loaded) {
    process.err(loaded.error().message() + "\n");
    return kFoundWrong;
  }
  for (const std::string& warning : loaded->warnings) process.err("warning: " + warning + "\n");
  process.out(options.is_json() ? server::render_json(*loaded) : server::render_toml(*loaded));
  return kFine;
}

}  // namespace

int run_config(const Command& self, Words words, Process& process) {
  constexpr std::string_view kActions[] = {"check", "show", "reference"};
  const bool is_named = !words.empty() && !words.front().starts_with('-');
  const std::string action = is_named ? words.front() : "";
  Options options;
  Arguments arguments;
  if (action != "reference") {
    options.config.declare(arguments);
    arguments.choice("-o,--output", options.output, {"text", "json"});
  }
  if (const auto done = arguments.parse(self, is_named ? words.subspan(1) : words, process)) return *done;

  if (action == "reference") {
    process.out(server::render_reference());
    return kFine;
  }
  if (action != "check" && action != "show") {
    const std::string what = is_named ? "unknown action '" + action + "'" + server::did_you_mean(action, kActions)
                                      : "an action is missing (want 'check', 'show' or 'reference')";
    return explain_usage(self.name, what, process);
  }
  const auto sources = read_sources(options.config, process);
  if (!sources) {
    process.err(sources.error().message() + "\n");
    return kCouldNotFindOut;
  }
  return action == "check" ? check(options, *sources, process) : show(options, *sources, process);
}

}  // namespace lifeboat::cli
