#include "cli/prefetch.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "cli/admin_client.h"
#include "cli/prefetch_text.h"
#include "http/query.h"
#include "oci/full_reference.h"
#include "oci/platform.h"

namespace lifeboat::cli {
namespace {

using Kind = PrefetchVerdict::Kind;

constexpr Duration kLookEvery = std::chrono::milliseconds(200);
/// To resolve a tag its upstream is asked, each endpoint in turn.
constexpr Duration kBeginWithin = std::chrono::seconds(40);

/// It was refused; or there is nobody to ask any more, and then it is that.
Status take_refusal(Prefetching& one, const std::string& data, const Error& refusal) {
  LB_CHECK(ask_server(data, {.target = "/api/v1/status"}));
  one.error = refusal.message();
  return {};
}

Status begin(Prefetching& one, const std::string& data) {
  const AdminRequest request{.method = sys::HttpMethod::post,
                             .target = "/api/v1/prefetch",
                             .body = http::render_order({.reference = one.reference, .platforms = one.named}),
                             .within = kBeginWithin};
  const auto answer = ask_server(data, request);
  if (!answer) return take_refusal(one, data, answer.error());
  LB_TRY(one.begun, http::parse_prefetch(*answer));
  return {};
}

Status look_at(Prefetching& one, const std::string& data) {
  const AdminRequest request{.target = "/api/v1/capture?repository=" + http::percent_encoded(one.begun.repository) +
                                       "&digest=" + http::percent_encoded(one.begun.digest)};
  const auto answer = ask_server(data, request);
  if (!answer) return take_refusal(one, data, answer.error());
  LB_TRY(one.state, http::parse_capture(*answer));
  return {};
}

/// One line each, in the place of those before.
std::string drawn(const std::vector<Prefetching>& all, bool is_first) {
  std::string text = is_first ? "" : "\x1b[" + std::to_string(all.size()) + "A";
  for (const Prefetching& one : all) text += "\r\x1b[K" + one.reference + "  " + progress_text(one) + "\n";
  return text;
}

Status wait_for(std::vector<Prefetching>& all, const std::string& data, Process& process) {
  for (bool is_first = true;; is_first = false) {
    bool is_done = true;
    for (Prefetching& one : all) {
      if (judge(one).kind != Kind::under_way) continue;
      LB_CHECK(look_at(one, data));
      is_done = is_done && judge(one).kind != Kind::under_way;
    }
    if (process.is_terminal) process.err(drawn(all, is_first));
    if (is_done) break;
    std::this_thread::sleep_for(kLookEvery);
  }
  if (process.is_terminal) process.err("\x1b[" + std::to_string(all.size()) + "A\x1b[J");
  return {};
}

Result<std::vector<std::string>> normal_platforms(const std::vector<std::string>& given) {
  std::vector<std::string> normal;
  for (const std::string& text : given) {
    if (text == "all") {
      normal.push_back(text);
      continue;
    }
    LB_TRY(const oci::Platform platform, oci::Platform::parse(text));
    normal.push_back(platform.to_string());
  }
  return normal;
}

}  // namespace

int run_prefetch(const Command& self, Words words, Process& process) {
  AdminOptions options;
  std::string output = "text";
  std::vector<std::string> references;
  std::vector<std::string> platforms;
  bool is_waited_for = true;
  Arguments arguments;
  options.declare(arguments);
  arguments.words("REF", references);
  arguments.list("--platform", platforms);
  arguments.flag("--wait,!--no-wait", is_waited_for);
  arguments.choice("-o,--output", output, {"text", "json"});
  if (const auto done = arguments.parse(self, words, process)) return *done;

  if (references.empty()) return explain_usage(self.name, "a reference is missing", process);
  const auto named = normal_platforms(platforms);
  if (!named) return explain_usage(self.name, named.error().message(), process);
  std::vector<Prefetching> all;
  for (const std::string& text : references) {
    const auto reference = oci::FullReference::parse(text);
    if (!reference) return explain_usage(self.name, reference.error().message(), process);
    all.push_back({.reference = text, .named = *named});
  }
  const auto data = data_directory(options, process);
  if (!data) return explain_failure(data.error(), process);
  for (Prefetching& one : all) {
    if (const Status begun = begin(one, *data); !begun) return explain_failure(begun.error(), process);
  }
  if (is_waited_for) {
    if (const Status waited = wait_for(all, *data, process); !waited) return explain_failure(waited.error(), process);
  }
  process.out(output == "json" ? prefetch_json(all, is_waited_for) : prefetch_text(all, is_waited_for));
  const bool has_failed = std::ranges::any_of(all, [](const auto& one) { return judge(one).kind == Kind::failed; });
  return has_failed ? kFoundWrong : kFine;
}

}  // namespace lifeboat::cli
