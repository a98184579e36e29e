#include "cli/tag.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

#include "cli/admin_client.h"
#include "cli/tag_text.h"
#include "http/query.h"
#include "oci/full_reference.h"

namespace lifeboat::cli {
namespace {

/// To look through a long history, or to put a large index again, is many small steps.
constexpr Duration kWithin = std::chrono::minutes(1);

struct Options {
  AdminOptions admin;
  std::string output = "text";
  std::optional<std::string> to;
  std::optional<std::string> number;
  std::optional<std::string> reason;
  bool is_dry_run = false;
  bool is_json() const { return output == "json"; }
};

struct Context {
  const Command& self;
  const Options& options;
  Process& process;
  std::string data{};
};

/// A reference as people write it, and which of its parts they wrote.
struct Named {
  std::string text;
  oci::FullReference reference;
  bool has_tag = false;
  bool has_digest = false;
};

Result<Named> named_by(const std::string& text) {
  LB_TRY(oci::FullReference reference, oci::FullReference::parse(text));
  const std::string name = text.substr(0, text.find('@'));
  const std::size_t slash = name.rfind('/');
  const bool has_tag = name.find(':', slash == std::string::npos ? 0 : slash) != std::string::npos;
  return Named{text, std::move(reference), has_tag, text.find('@') != std::string::npos};
}

int say(const Context& context, const std::string& json, const std::string& text) {
  context.process.out(context.options.is_json() ? json + "\n" : text);
  return kFine;
}

int history(const Context& context, const Named& named) {
  if (named.has_digest) return explain_usage(context.self.name, "a history is that of a tag", context.process);
  std::string repository = named.reference.repository.to_string();
  if (named.reference.host) repository = named.reference.host->to_string() + "/" + repository;
  std::string target = "/api/v1/history?repository=" + http::percent_encoded(repository);
  if (named.has_tag) target += "&tag=" + http::percent_encoded(named.reference.reference.tag()->to_string());
  const auto answer = ask_server(context.data, {.target = target, .within = kWithin});
  if (!answer) return explain_failure(answer.error(), context.process);
  const auto report = http::parse_history(*answer);
  if (!report) return explain_failure(report.error(), context.process);
  say(context, *answer, history_text(*report));
  return report->moments.empty() ? kFoundWrong : kFine;
}

int restore(const Context& context, const Named& named) {
  if (!named.has_tag || named.has_digest) {
    return explain_usage(context.self.name, "'" + named.text + "' names no tag alone", context.process);
  }
  http::RestoreOrder order{.reference = named.text, .is_dry_run = context.options.is_dry_run};
  if (const auto& to = context.options.to) {
    const auto digest = oci::Digest::parse(*to);
    if (!digest) return explain_usage(context.self.name, digest.error().message(), context.process);
    order.digest = digest->to_string();
  }
  if (const auto& text = context.options.number) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (error != std::errc() || end != text->data() + text->size() || number == 0) {
      return explain_usage(context.self.name, "'" + *text + "' is no number of a history", context.process);
    }
    order.number = number;
  }
  const auto answer = ask_server(context.data, {.method = sys::HttpMethod::post,
                                                .target = "/api/v1/restore",
                                                .body = http::render_restore_order(order),
                                                .within = kWithin});
  if (!answer) return explain_failure(answer.error(), context.process);
  const auto report = http::parse_restore(*answer);
  if (!report) return explain_failure(report.error(), context.process);
  return say(context, *answer, restore_text(*report, order.is_dry_run));
}

int change_pins(const Context& context, const AdminRequest& request, const std::string& done) {
  const auto answer = ask_server(context.data, request);
  if (!answer) return explain_failure(answer.error(), context.process);
  const auto report = http::parse_pins(*answer);
  if (!report) return explain_failure(report.error(), context.process);
  const std::string& what = report->reference;
  const std::string mark = what.find(':') == std::string::npos ? ":" : "@";
  return say(context, *answer, done + " " + report->repository + mark + what + "\n");
}

int pin(const Context& context, const Named& named) {
  http::PinOrder order{.reference = named.text, .reason = context.options.reason.value_or("")};
  return change_pins(context,
                     {.method = sys::HttpMethod::post, .target = "/api/v1/pins", .body = http::render_pin_order(order)},
                     "pinned");
}

int unpin(const Context& context, const Named& named) {
  return change_pins(
      context,
      {.method = sys::HttpMethod::delete_, .target = "/api/v1/pins?reference=" + http::percent_encoded(named.text)},
      "no longer pinned:");
}

int pins(const Context& context) {
  const auto answer = ask_server(context.data, {.target = "/api/v1/pins"});
  if (!answer) return explain_failure(answer.error(), context.process);
  const auto report = http::parse_pins(*answer);
  if (!report) return explain_failure(report.error(), context.process);
  return say(context, *answer, pins_text(*report));
}

/// What an action does not know of the options given: "" when nothing.
std::string misplaced_option(const std::string& action, const Options& options) {
  if (action != "restore" && (options.to || options.number || options.is_dry_run)) {
    return "--to, --number and --dry-run are for restore";
  }
  if (action != "pin" && options.reason) return "--reason is for pin";
  if (options.to && options.number) return "--to or --number, not both";
  return "";
}

}  // namespace

int run_tag(const Command& self, Words words, Process& process) {
  Options options;
  std::vector<std::string> given;
  Arguments arguments;
  options.admin.declare(arguments);
  arguments.words("ACTION", given);
  arguments.option("--to", options.to);
  arguments.option("--number", options.number);
  arguments.option("--reason", options.reason);
  arguments.flag("--dry-run", options.is_dry_run);
  arguments.choice("-o,--output", options.output, {"text", "json"});
  if (const auto done = arguments.parse(self, words, process)) return *done;

  using Act = int (*)(const Context&, const Named&);
  constexpr std::pair<std::string_view, Act> kActs[] = {
      {"history", history}, {"restore", restore}, {"pin", pin}, {"unpin", unpin}};
  const std::string action = given.empty() ? "" : given.front();
  const auto* const act = std::ranges::find(kActs, action, &std::pair<std::string_view, Act>::first);
  if (act == std::end(kActs) && action != "pins") {
    return explain_usage(self.name, "want history, restore, pin, unpin or pins", process);
  }
  if (const std::string what = misplaced_option(action, options); !what.empty()) {
    return explain_usage(self.name, what, process);
  }
  const std::size_t wanted = action == "pins" ? 1 : 2;
  if (given.size() != wanted) {
    return explain_usage(self.name,
                         given.size() < wanted ? "a reference is missing"
                         : wanted == 1         ? "'pins' takes no reference"
                                               : "one reference at a time",
                         process);
  }
  Context context{self, options, process};
  std::optional<Named> named;
  if (action != "pins") {
    auto parsed = named_by(given.back());
    if (!parsed) return explain_usage(self.name, parsed.error().message(), process);
    const bool is_pin = action == "pin" || action == "unpin";
    if (is_pin && !parsed->has_tag && !parsed->has_digest) {
      return explain_usage(self.name, "'" + given.back() + "' names neither a tag nor a digest", process);
    }
    named = std::move(*parsed);
  }
  auto data = data_directory(options.admin, process);
  if (!data) return explain_failure(data.error(), process);
  context.data = std::move(*data);
  return named ? act->second(context, *named) : pins(context);
}

}  // namespace lifeboat::cli
