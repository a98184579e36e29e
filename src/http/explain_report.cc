#include "http/explain_report.h"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace lifeboat::http {
namespace {

using Json = nlohmann::ordered_json;
using Means = ExplainReport::Means;
using registry::Outlook;

constexpr std::array<std::pair<Means, std::string_view>, 4> kMeans{{{Means::host, "host"},
                                                                    {Means::hosted, "hosted"},
                                                                    {Means::default_host, "default_host"},
                                                                    {Means::unknown, "unknown"}}};

std::string_view to_string(Means means) {
  for (const auto& [known, name] : kMeans) {
    if (known == means) return name;
  }
  return "unknown";
}

Means means_of(std::string_view text) {
  for (const auto& [known, name] : kMeans) {
    if (name == text) return known;
  }
  return Means::unknown;
}

Json json_of(const Outlook& outlook) {
  Json json{{"answer", to_string(outlook.answer)},
            {"status", status_of(outlook.answer)},
            {"succeeds", would_succeed(outlook)}};
  if (!outlook.reason.empty()) json["reason"] = outlook.reason;
  if (outlook.waits_at_most) json["waits_at_most_ms"] = outlook.waits_at_most->count();
  if (outlook.when_silent) json["when_silent"] = to_string(*outlook.when_silent);
  json["fetches_rest"] = outlook.fetches_rest;
  return json;
}

/// An answer that is not known here is for certain not one that can be relied on.
Outlook::Answer answer_of(const Json& json) {
  return registry::parse_answer(json.get<std::string>()).value_or(Outlook::Answer::unavailable);
}

Outlook outlook_of(const Json& json) {
  Outlook outlook{.answer = answer_of(json.at("answer")), .reason = json.value("reason", "")};
  if (json.contains("waits_at_most_ms")) outlook.waits_at_most = Duration(json.at("waits_at_most_ms").get<int64_t>());
  if (json.contains("when_silent")) outlook.when_silent = answer_of(json.at("when_silent"));
  outlook.fetches_rest = json.at("fetches_rest").get<bool>();
  return outlook;
}

Json json_of(const ExplainReport::Policy& policy) {
  Json json{{"rule", policy.rule}, {"fresh_for_ms", policy.fresh_for.count()}};
  if (policy.max_stale) json["max_stale_ms"] = policy.max_stale->count();
  json["revalidate_within_ms"] = policy.revalidate_within.count();
  json["drops_gone"] = policy.drops_gone;
  json["serves_on_credential_fault"] = policy.serves_on_credential_fault;
  json["capture"] = policy.capture;
  json["capture_platforms"] = policy.capture_platforms;
  json["captures_referrers"] = policy.captures_referrers;
  return json;
}

ExplainReport::Policy policy_of(const Json& json) {
  ExplainReport::Policy policy{.rule = json.at("rule").get<std::string>(),
                               .fresh_for = Duration(json.at("fresh_for_ms").get<int64_t>()),
                               .revalidate_within = Duration(json.at("revalidate_within_ms").get<int64_t>()),
                               .drops_gone = json.at("drops_gone").get<bool>(),
                               .serves_on_credential_fault = json.at("serves_on_credential_fault").get<bool>(),
                               .capture = json.at("capture").get<std::string>(),
                               .capture_platforms = json.at("capture_platforms").get<std::vector<std::string>>(),
                               .captures_referrers = json.at("captures_referrers").get<bool>()};
  if (json.contains("max_stale_ms")) policy.max_stale = Duration(json.at("max_stale_ms").get<int64_t>());
  return policy;
}

Json lists_of(const ExplainReport& report, Json json) {
  json["children"] = Json::array();
  for (const ExplainReport::Child& child : report.children) {
    json["children"].push_back({{"platform", child.platform},
                                {"digest", child.digest},
                                {"is_here", child.is_here},
                                {"is_whole", child.is_whole},
                                {"missing_blobs", child.missing}});
  }
  json["endpoints"] = Json::array();
  for (const EndpointStatus& one : report.endpoints) json["endpoints"].push_back(Json::parse(render_endpoint(one)));
  json["history"] = Json::array();
  for (const ExplainReport::Past& one : report.history) {
    json["history"].push_back({{"digest", one.digest}, {"since_ago_s", one.since_ago.count()}});
  }
  return json;
}

ExplainReport report_of(const Json& json) {
  ExplainReport report{.reference = json.at("reference").get<std::string>(),
                       .repository = json.at("repository").get<std::string>(),
                       .host = json.at("host").get<std::string>(),
                       .means = means_of(json.at("means").get<std::string>()),
                       .why_unknown = json.value("why_unknown", ""),
                       .outlook = outlook_of(json.at("pull")),
                       .digest = json.value("digest", ""),
                       .served_digest = json.value("served_digest", ""),
                       .is_frozen = json.at("is_frozen").get<bool>()};
  if (json.contains("tag")) {
    const Json& tag = json.at("tag");
    report.tag = {std::chrono::seconds(tag.at("confirmed_ago_s").get<int64_t>()),
                  std::chrono::seconds(tag.at("fresh_for_s").get<int64_t>()), tag.at("is_gone").get<bool>()};
  }
  if (auto capture = parse_capture(json.at("capture").dump())) report.capture = std::move(*capture);
  if (json.contains("policy")) report.policy = policy_of(json.at("policy"));
  for (const Json& one : json.at("children")) {
    report.children.push_back({one.at("platform").get<std::string>(), one.at("digest").get<std::string>(),
                               one.at("is_here").get<bool>(), one.at("is_whole").get<bool>(),
                               one.at("missing_blobs").get<std::size_t>()});
  }
  for (const Json& one : json.at("endpoints")) {
    if (auto endpoint = parse_endpoint(one.dump())) report.endpoints.push_back(std::move(*endpoint));
  }
  for (const Json& one : json.at("history")) {
    report.history.push_back(
        {one.at("digest").get<std::string>(), std::chrono::seconds(one.at("since_ago_s").get<int64_t>())});
  }
  return report;
}

}  // namespace

std::string render_explain(const ExplainReport& report) {
  Json json{{"reference", report.reference},
            {"repository", report.repository},
            {"host", report.host},
            {"means", to_string(report.means)}};
  if (!report.why_unknown.empty()) json["why_unknown"] = report.why_unknown;
  json["pull"] = json_of(report.outlook);
  if (!report.digest.empty()) json["digest"] = report.digest;
  if (!report.served_digest.empty()) json["served_digest"] = report.served_digest;
  if (report.tag) {
    json["tag"] = {{"confirmed_ago_s", report.tag->confirmed_ago.count()},
                   {"fresh_for_s", report.tag->fresh_for.count()},
                   {"is_gone", report.tag->is_gone}};
  }
  json["capture"] = Json::parse(render_capture(report.capture));
  if (report.policy) json["policy"] = json_of(*report.policy);
  json["is_frozen"] = report.is_frozen;
  return lists_of(report, std::move(json)).dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<ExplainReport> parse_explain(std::string_view json_text) try {
  return report_of(Json::parse(json_text));
} catch (const Json::exception& mistake) {
  return fail(ErrorCode::invalid, std::string("cannot read explanation: ") + mistake.what());
}

}  // namespace lifeboat::http
