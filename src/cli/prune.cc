#include "cli/prune.h"

#include <chrono>

#include "cli/admin_client.h"
#include "cli/prune_text.h"

namespace lifeboat::cli {
namespace {

using registry::Retainer;

/// A pass over many repositories takes its time.
constexpr Duration kWithin = std::chrono::minutes(30);

}  // namespace

int run_prune(const Command& self, Words words, Process& process) {
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
  const auto answer = ask_server(*data, {.method = sys::HttpMethod::post,
                                         .target = "/api/v1/prune",
                                         .body = http::render_prune_order(Retainer::DryRun{is_dry_run}),
                                         .within = kWithin});
  if (!answer) return explain_failure(without_answer(answer.error()), process);
  const auto report = http::parse_prune(*answer);
  if (!report) return explain_failure(report.error(), process);
  process.out(output == "json" ? http::render_prune(*report) + "\n" : prune_text(*report));
  return report->frozen.empty() && report->unreadable.empty() ? kFine : kFoundWrong;
}

}  // namespace lifeboat::cli
