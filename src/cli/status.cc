#include "cli/status.h"

#include "cli/admin_client.h"
#include "cli/status_text.h"

namespace lifeboat::cli {

int run_status(const Command& self, Words words, Process& process) {
  AdminOptions options;
  std::string output = "text";
  Arguments arguments;
  options.declare(arguments);
  arguments.choice("-o,--output", output, {"text", "json"});
  if (const auto done = arguments.parse(self, words, process)) return *done;

  const auto data = data_directory(options, process);
  if (!data) return explain_failure(data.error(), process);
  const auto answer = ask_server(*data, {.target = "/api/v1/status"});
  if (!answer) return explain_failure(answer.error(), process);
  const auto report = http::parse_status(*answer);
  if (!report) {
    process.err(report.error().message() + "\n");
    return kCouldNotFindOut;
  }
  process.out(output == "json" ? *answer + "\n" : status_text(*report));
  return is_fine(*report) ? kFine : kFoundWrong;
}

}  // namespace lifeboat::cli
