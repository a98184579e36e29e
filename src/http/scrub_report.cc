#include "http/scrub_report.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace lifeboat::http {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json json_of(const FaultReport& fault) {
  return {{"digest", fault.digest},         {"kind", fault.kind},
          {"detail", fault.detail},         {"tries", fault.tries},
          {"last_error", fault.last_error}, {"retry_in_s", fault.retry_in_s},
          {"breaks", fault.breaks}};
}

FaultReport fault_of(const Json& json) {
  return {.digest = json.at("digest").get<std::string>(),
          .kind = json.at("kind").get<std::string>(),
          .detail = json.at("detail").get<std::string>(),
          .tries = json.at("tries").get<uint32_t>(),
          .last_error = json.at("last_error").get<std::string>(),
          .retry_in_s = json.at("retry_in_s").get<int64_t>(),
          .breaks = json.at("breaks").get<std::vector<std::string>>()};
}

}  // namespace

std::string render_scrub_request(const ScrubRequest& request) {
  return text_of({{"repair", request.is_repaired}, {"rate_bytes", request.rate_bytes}});
}

Result<ScrubRequest> parse_scrub_request(std::string_view text) try {
  if (text.empty()) return ScrubRequest{};
  const Json json = Json::parse(text);
  return ScrubRequest{.is_repaired = json.value("repair", true), .rate_bytes = json.value("rate_bytes", uint64_t{0})};
} catch (const Json::exception& mistake) {
  return fail(ErrorCode::invalid, std::string("cannot read scrub order: ") + mistake.what());
}

std::string render_fault(const FaultReport& fault) { return text_of(json_of(fault)); }

Result<FaultReport> parse_fault(std::string_view text) try {
  return fault_of(Json::parse(text));
} catch (const Json::exception& mistake) {
  return fail(ErrorCode::invalid, std::string("cannot read fault: ") + mistake.what());
}

std::string render_scrub(const ScrubReport& report) {
  Json findings = Json::array();
  for (const ScrubReport::Finding& one : report.findings) {
    findings.push_back({{"digest", one.digest}, {"kind", one.kind}, {"detail", one.detail}});
  }
  Json faults = Json::array();
  for (const FaultReport& fault : report.faults) faults.push_back(json_of(fault));
  return text_of({{"is_running", report.is_running},
                  {"is_finished", report.is_finished},
                  {"is_ordered", report.is_ordered},
                  {"is_repaired", report.is_repaired},
                  {"checked", report.checked},
                  {"checked_bytes", report.checked_bytes},
                  {"known", report.known},
                  {"known_bytes", report.known_bytes},
                  {"found", report.found},
                  {"findings", std::move(findings)},
                  {"unrecorded", report.unrecorded},
                  {"unrecorded_bytes", report.unrecorded_bytes},
                  {"error", report.error},
                  {"broken", report.broken},
                  {"faults", std::move(faults)}});
}

Result<ScrubReport> parse_scrub(std::string_view text) try {
  const Json json = Json::parse(text);
  ScrubReport report{.is_running = json.at("is_running").get<bool>(),
                     .is_finished = json.at("is_finished").get<bool>(),
                     .is_ordered = json.at("is_ordered").get<bool>(),
                     .is_repaired = json.at("is_repaired").get<bool>(),
                     .checked = json.at("checked").get<uint64_t>(),
                     .checked_bytes = json.at("checked_bytes").get<uint64_t>(),
                     .known = json.at("known").get<uint64_t>(),
                     .known_bytes = json.at("known_bytes").get<uint64_t>(),
                     .found = json.at("found").get<uint64_t>(),
                     .unrecorded = json.at("unrecorded").get<uint64_t>(),
                     .unrecorded_bytes = json.at("unrecorded_bytes").get<uint64_t>(),
                     .error = json.at("error").get<std::string>(),
                     .broken = json.at("broken").get<uint64_t>()};
  for (const Json& one : json.at("findings")) {
    report.findings.push_back(
        {one.at("digest").get<std::string>(), one.at("kind").get<std::string>(), one.at("detail").get<std::string>()});
  }
  for (const Json& one : json.at("faults")) report.faults.push_back(fault_of(one));
  return report;
} catch (const Json::exception& mistake) {
  return fail(ErrorCode::invalid, std::string("cannot read scrub report: ") + mistake.what());
}

}  // namespace lifeboat::http
