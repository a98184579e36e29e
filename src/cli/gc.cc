#include "cli/gc.h"

#include <chrono>
#include <thread>

#include "cli/admin_client.h"
#include "cli/gc_text.h"
#include "cli/printable.h"

namespace lifeboat::cli {
namespace {

using registry::Sweep;

constexpr Duration kLookEvery = std::chrono::milliseconds(200);
constexpr const char* kTarget = "/api/v1/gc";

/// The pass that was begun, once it has ended.
Result<http::GcReport> wait_for(http::GcReport begun, const std::string& data, Process& process) {
  http::GcReport now = std::move(begun);
  const uint64_t number = now.number;
  while (now.is_running && now.number == number) {
    if (process.is_terminal) process.err("\r\x1b[K" + gc_progress(now));
    std::this_thread::sleep_for(kLookEvery);
    LB_TRY(const std::string answer, ask_server(data, {.target = kTarget}));
    LB_TRY(now, http::parse_gc(answer));
  }
  if (process.is_terminal) process.err("\r\x1b[K");
  if (now.number == number) return now;
  return fail(ErrorCode::unavailable, "cannot tell how the collection ended: another one has begun since");
}

Result<http::GcReport> through_server(const std::string& data, Sweep::DryRun dry_run, Process& process) {
  LB_TRY(
      const std::string answer,
      ask_server(data, {.method = sys::HttpMethod::post, .target = kTarget, .body = http::render_gc_order(dry_run)}));
  LB_TRY(http::GcReport begun, http::parse_gc(answer));
  return wait_for(std::move(begun), data, process);
}

/// What the settings say, with the directory that was asked for.
Result<server::Config> config_of(const AdminOptions& options, const Process& process) {
  LB_TRY(const server::ConfigSources sources, read_sources(options.config, process));
  LB_TRY(server::LoadedConfig loaded, server::load_config(sources));
  return std::move(loaded.config);
}

}  // namespace

int run_gc(const Command& self, Words words, Process& process) {
  AdminOptions options;
  std::string output = "text";
  bool is_dry_run = false;
  Arguments arguments;
  options.declare(arguments);
  arguments.flag("--dry-run", is_dry_run);
  arguments.choice("-o,--output", output, {"text", "json"});
  if (const auto done = arguments.parse(self, words, process)) return *done;

  const auto data = data_directory(options, process);
  if (!data) return explain_failure(data.error(), process);
  const Sweep::DryRun dry_run{is_dry_run};
  auto report = through_server(*data, dry_run, process);
  if (!report && report.error().code() == ErrorCode::unavailable) {
    const auto config = config_of(options, process);
    if (!config) return explain_failure(config.error(), process);
    report = process.collect(*config, dry_run);
  }
  if (!report) return explain_failure(report.error(), process);
  if (!report->error.empty()) process.err(printable_lines(report->error) + "\n");
  process.out(output == "json" ? http::render_gc(*report) + "\n" : gc_text(*report));
  if (report->is_refused || report->failures > 0) return kFoundWrong;
  return report->error.empty() ? kFine : kCouldNotFindOut;
}

}  // namespace lifeboat::cli
