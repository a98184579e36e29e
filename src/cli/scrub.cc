#include "cli/scrub.h"

#include <chrono>
#include <thread>

#include "cli/admin_client.h"
#include "cli/scrub_text.h"
#include "server/units.h"

namespace lifeboat::cli {
namespace {

constexpr Duration kLookEvery = std::chrono::milliseconds(200);

Result<http::ScrubReport> ask(const std::string& data, AdminRequest request) {
  request.target = "/api/v1/scrub";
  LB_TRY(const std::string answer, ask_server(data, request));
  return http::parse_scrub(answer);
}

void draw(const http::ScrubReport& report, Process& process) {
  if (process.is_terminal) process.err("\r\x1b[K" + (report.is_running ? progress_text(report) : std::string()));
}

Result<http::ScrubReport> wait_for(const std::string& data, Process& process) {
  for (;;) {
    LB_TRY(http::ScrubReport report, ask(data, {.target = ""}));
    draw(report, process);
    if (!report.is_running) return report;
    std::this_thread::sleep_for(kLookEvery);
  }
}

Result<http::ScrubReport> by_the_server(const std::string& data, const http::ScrubRequest& request, Process& process) {
  LB_CHECK(ask(data, {.method = sys::HttpMethod::post, .target = "", .body = http::render_scrub_request(request)}));
  return wait_for(data, process);
}

/// No server runs: this process has the directory as long as it takes.
Result<http::ScrubReport> by_itself(const AdminOptions& options, const http::ScrubRequest& request, Process& process) {
  LB_TRY(const server::ConfigSources sources, read_sources(options.config, process));
  LB_TRY(const server::LoadedConfig loaded, server::load_config(sources));
  auto report = process.scrub(loaded.config, request, [&](const http::ScrubReport& now) { draw(now, process); });
  if (process.is_terminal) process.err("\r\x1b[K");
  return report;
}

}  // namespace

int run_scrub(const Command& self, Words words, Process& process) {
  AdminOptions options;
  std::string output = "text";
  std::optional<std::string> rate;
  http::ScrubRequest request;
  Arguments arguments;
  options.declare(arguments);
  arguments.flag("--repair,!--no-repair,!--dry-run", request.is_repaired);
  arguments.option("--rate", rate);
  arguments.choice("-o,--output", output, {"text", "json"});
  if (const auto done = arguments.parse(self, words, process)) return *done;

  if (rate) {
    const auto bytes = server::parse_size(*rate);
    if (!bytes) {
      return explain_usage(self.name, "'--rate' is no size (got '" + *rate + "', want one as in '64MiB')", process);
    }
    request.rate_bytes = *bytes;
  }
  const auto data = data_directory(options, process);
  if (!data) return explain_failure(data.error(), process);
  auto report = by_the_server(*data, request, process);
  const bool is_alone = !report && report.error().code() == ErrorCode::unavailable;
  if (is_alone) report = by_itself(options, request, process);
  if (!report) return explain_failure(report.error(), process);
  process.out(output == "json" ? http::render_scrub(*report) + "\n" : scrub_text(*report));
  if (!report->is_finished) return kCouldNotFindOut;
  return is_whole(*report) ? kFine : kFoundWrong;
}

}  // namespace lifeboat::cli
