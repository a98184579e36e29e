#include "http/gc_report.h"

#include <nlohmann/json.hpp>

namespace lifeboat::http {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

Result<registry::Sweep::DryRun> parse_gc_order(std::string_view json_text) try {
  if (json_text.empty()) return registry::Sweep::DryRun::no;
  return registry::Sweep::DryRun{Json::parse(json_text).value("dry_run", false)};
} catch (const Json::exception& mistake) {
  return fail(ErrorCode::invalid, std::string("cannot read gc order: ") + mistake.what());
}

std::string render_gc_order(registry::Sweep::DryRun dry_run) {
  return text_of({{"dry_run", dry_run == registry::Sweep::DryRun::yes}});
}

GcReport report_of(const registry::CollectState& state) {
  GcReport report{.number = state.number,
                  .is_running = state.is_running,
                  .is_dry_run = state.is_dry_run,
                  .links = state.report.links,
                  .contents = state.report.contents,
                  .bytes = state.report.bytes,
                  .in_use = state.report.in_use,
                  .failures = state.report.failures,
                  .lost = state.report.lost,
                  .restored = state.report.restored,
                  .items_left_out = state.report.items_left_out};
  if (state.number != 0) report.started = to_rfc3339(state.started);
  if (state.ended) report.ended = to_rfc3339(*state.ended);
  if (state.failure) report.error = state.failure->message();
  report.is_refused = state.failure && state.failure->code() == ErrorCode::corrupt;
  for (const registry::Swept& one : state.report.items) {
    report.items.push_back({.reason = std::string(to_string(one.reason)),
                            .repository = one.repository ? one.repository->to_string() : "",
                            .digest = one.digest.to_string(),
                            .size_bytes = one.size_bytes});
  }
  return report;
}

std::string render_gc(const GcReport& report) {
  Json items = Json::array();
  for (const GcReport::Item& one : report.items) {
    items.push_back({{"reason", one.reason},
                     {"repository", one.repository},
                     {"digest", one.digest},
                     {"size_bytes", one.size_bytes}});
  }
  return text_of({{"number", report.number},
                  {"is_running", report.is_running},
                  {"is_dry_run", report.is_dry_run},
                  {"started", report.started},
                  {"ended", report.ended},
                  {"error", report.error},
                  {"is_refused", report.is_refused},
                  {"links", report.links},
                  {"contents", report.contents},
                  {"bytes", report.bytes},
                  {"in_use", report.in_use},
                  {"failures", report.failures},
                  {"lost", report.lost},
                  {"restored", report.restored},
                  {"items", std::move(items)},
                  {"items_left_out", report.items_left_out}});
}

Result<GcReport> parse_gc(std::string_view json_text) try {
  const Json json = Json::parse(json_text);
  GcReport report{.number = json.at("number").get<uint64_t>(),
                  .is_running = json.at("is_running").get<bool>(),
                  .is_dry_run = json.at("is_dry_run").get<bool>(),
                  .started = json.at("started").get<std::string>(),
                  .ended = json.at("ended").get<std::string>(),
                  .error = json.at("error").get<std::string>(),
                  .is_refused = json.at("is_refused").get<bool>(),
                  .links = json.at("links").get<uint64_t>(),
                  .contents = json.at("contents").get<uint64_t>(),
                  .bytes = json.at("bytes").get<uint64_t>(),
                  .in_use = json.at("in_use").get<uint64_t>(),
                  .failures = json.at("failures").get<uint64_t>(),
                  .lost = json.at("lost").get<uint64_t>(),
                  .restored = json.at("restored").get<uint64_t>(),
                  .items_left_out = json.at("items_left_out").get<uint64_t>()};
  for (const Json& one : json.at("items")) {
    report.items.push_back({.reason = one.at("reason").get<std::string>(),
                            .repository = one.at("repository").get<std::string>(),
                            .digest = one.at("digest").get<std::string>(),
                            .size_bytes = one.at("size_bytes").get<uint64_t>()});
  }
  return report;
} catch (const Json::exception& mistake) {
  return fail(ErrorCode::invalid, std::string("cannot read gc report: ") + mistake.what());
}

}  // namespace lifeboat::http
