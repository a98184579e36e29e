#include "http/capture_report.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace lifeboat::http {
namespace {

using Json = nlohmann::ordered_json;
using Phase = CaptureReport::Phase;

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

template <class Report, class Read>
Result<Report> parsed(std::string_view text, std::string_view what, Read read) try {
  return read(Json::parse(text));
} catch (const Json::exception& mistake) {
  return fail(ErrorCode::invalid, "cannot read " + std::string(what) + ": " + mistake.what());
}

}  // namespace

std::string render_order(const PrefetchOrder& order) {
  return text_of({{"reference", order.reference}, {"platforms", order.platforms}});
}

Result<PrefetchOrder> parse_order(std::string_view json_text) {
  return parsed<PrefetchOrder>(json_text, "prefetch order", [](const Json& json) {
    PrefetchOrder order{.reference = json.at("reference").get<std::string>()};
    if (json.contains("platforms")) order.platforms = json.at("platforms").get<std::vector<std::string>>();
    return order;
  });
}

std::string render_prefetch(const PrefetchReport& report) {
  return text_of({{"repository", report.repository},
                  {"digest", report.digest},
                  {"platforms", report.platforms},
                  {"stale", report.stale}});
}

Result<PrefetchReport> parse_prefetch(std::string_view json_text) {
  return parsed<PrefetchReport>(json_text, "prefetch", [](const Json& json) {
    return PrefetchReport{.repository = json.at("repository").get<std::string>(),
                          .digest = json.at("digest").get<std::string>(),
                          .platforms = json.at("platforms").get<std::vector<std::string>>(),
                          .stale = json.at("stale").get<std::string>()};
  });
}

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::waiting: return "waiting";
    case Phase::running: return "running";
    case Phase::done: return "done";
  }
  return "waiting";
}

Phase parse_phase(std::string_view text) {
  for (const Phase known : {Phase::running, Phase::done}) {
    if (to_string(known) == text) return known;
  }
  return Phase::waiting;
}

std::string render_capture(const CaptureReport& report) {
  Json platforms = Json::array();
  for (const CaptureReport::Platform& one : report.platforms) {
    platforms.push_back({{"platform", one.platform}, {"digest", one.digest}, {"is_whole", one.is_whole}});
  }
  Json json{{"phase", to_string(report.phase)},
            {"blobs", {{"done", report.blobs_done}, {"wanted", report.blobs_wanted}}},
            {"bytes", {{"done", report.bytes_done}, {"wanted", report.bytes_wanted}}},
            {"failures", report.failures},
            {"last_error", report.last_error}};
  if (report.retry_in) json["retry_in_s"] = report.retry_in->count();
  json["is_here"] = report.is_here;
  json["is_whole"] = report.is_whole;
  json["missing_blobs"] = report.missing;
  json["platforms"] = std::move(platforms);
  return text_of(json);
}

Result<CaptureReport> parse_capture(std::string_view json_text) {
  return parsed<CaptureReport>(json_text, "capture", [](const Json& json) {
    CaptureReport report{.phase = parse_phase(json.at("phase").get<std::string>()),
                         .blobs_done = json.at("blobs").at("done").get<uint64_t>(),
                         .blobs_wanted = json.at("blobs").at("wanted").get<uint64_t>(),
                         .bytes_done = json.at("bytes").at("done").get<uint64_t>(),
                         .bytes_wanted = json.at("bytes").at("wanted").get<uint64_t>(),
                         .failures = json.at("failures").get<uint32_t>(),
                         .last_error = json.at("last_error").get<std::string>(),
                         .is_here = json.at("is_here").get<bool>(),
                         .is_whole = json.at("is_whole").get<bool>(),
                         .missing = json.at("missing_blobs").get<std::size_t>()};
    if (json.contains("retry_in_s")) report.retry_in = std::chrono::seconds(json.at("retry_in_s").get<int64_t>());
    for (const Json& one : json.at("platforms")) {
      report.platforms.push_back(
          {one.at("platform").get<std::string>(), one.at("digest").get<std::string>(), one.at("is_whole").get<bool>()});
    }
    return report;
  });
}

}  // namespace lifeboat::http
