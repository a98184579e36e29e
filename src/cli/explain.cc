#include "cli/explain.h"

#include "cli/admin_client.h"
#include "cli/explain_text.h"
#include "http/query.h"
#include "oci/full_reference.h"

namespace lifeboat::cli {

int run_explain(const Command& self, Words words, Process& process) {
  AdminOptions options;
  std::string output = "text";
  std::vector<std::string> references;
  Arguments arguments;
  options.declare(arguments);
  arguments.words("REF", references);
  arguments.choice("-o,--output", output, {"text", "json"});
  if (const auto done = arguments.parse(self, words, process)) return *done;

  if (references.size() != 1) {
    return explain_usage(self.name, references.empty() ? "a reference is missing" : "one reference at a time", process);
  }
  const auto reference = oci::FullReference::parse(references.front());
  if (!reference) return explain_usage(self.name, reference.error().message(), process);
  const auto data = data_directory(options, process);
  if (!data) return explain_failure(data.error(), process);
  const auto answer =
      ask_server(*data, {.target = "/api/v1/explain?reference=" + http::percent_encoded(references.front())});
  if (!answer) return explain_failure(answer.error(), process);
  const auto report = http::parse_explain(*answer);
  if (!report) {
    process.err(report.error().message() + "\n");
    return kCouldNotFindOut;
  }
  process.out(output == "json" ? *answer + "\n" : explain_text(*report));
  return would_succeed(report->outlook) ? kFine : kFoundWrong;
}

}  // namespace lifeboat::cli
