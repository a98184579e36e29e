#include "http/tag_report.h"

#include <nlohmann/json.hpp>

#include "base/time.h"

namespace lifeboat::http {
namespace {

using Json = nlohmann::ordered_json;
using registry::Restorability;

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string text_of(Restorability restorability) {
  switch (restorability) {
    case Restorability::held: return "held";
    case Restorability::stored: return "stored";
    case Restorability::lost: return "lost";
  }
  return "";
}

/// `read` over the document; whatever it lacks or has of another kind is `invalid`.
template <class Read>
auto read_json(std::string_view text, const char* what, Read read) -> Result<decltype(read(Json()))> try {
  return read(Json::parse(text));
} catch (const Json::exception& mistake) {
  return fail(ErrorCode::invalid, std::string("cannot read ") + what + ": " + mistake.what());
}

std::string text_at(const Json& json, const char* key) { return json.at(key).get<std::string>(); }

}  // namespace

HistoryReport report_of(const oci::RepositoryId& repository, const registry::TagHistory::Page& page) {
  HistoryReport report{.repository = repository.to_string(), .has_more = page.has_more};
  for (const registry::TagMoment& one : page.moments) {
    report.moments.push_back({.tag = one.tag.to_string(),
                              .number = one.past.number,
                              .digest = one.past.digest.to_string(),
                              .since = to_rfc3339(one.past.since),
                              .source = one.past.source,
                              .is_current = one.is_current,
                              .restorable = text_of(one.restorability),
                              .lacking = one.lacking});
  }
  return report;
}

std::string render_history(const HistoryReport& report) {
  Json moments = Json::array();
  for (const HistoryReport::Moment& one : report.moments) {
    moments.push_back({{"tag", one.tag},
                       {"number", one.number},
                       {"digest", one.digest},
                       {"since", one.since},
                       {"source", one.source},
                       {"is_current", one.is_current},
                       {"restorable", one.restorable},
                       {"lacking", one.lacking}});
  }
  return text_of({{"repository", report.repository}, {"moments", std::move(moments)}, {"has_more", report.has_more}});
}

Result<HistoryReport> parse_history(std::string_view json_text) {
  return read_json(json_text, "tag history", [](const Json& json) {
    HistoryReport report{.repository = text_at(json, "repository"), .has_more = json.at("has_more").get<bool>()};
    for (const Json& one : json.at("moments")) {
      report.moments.push_back({.tag = text_at(one, "tag"),
                                .number = one.at("number").get<uint64_t>(),
                                .digest = text_at(one, "digest"),
                                .since = text_at(one, "since"),
                                .source = text_at(one, "source"),
                                .is_current = one.at("is_current").get<bool>(),
                                .restorable = text_at(one, "restorable"),
                                .lacking = text_at(one, "lacking")});
    }
    return report;
  });
}

std::string render_restore_order(const RestoreOrder& order) {
  Json json{{"reference", order.reference}};
  if (!order.digest.empty()) json["digest"] = order.digest;
  if (order.number) json["number"] = *order.number;
  json["dry_run"] = order.is_dry_run;
  return text_of(json);
}

Result<RestoreOrder> parse_restore_order(std::string_view json_text) {
  return read_json(json_text, "restore order", [](const Json& json) {
    RestoreOrder order{.reference = text_at(json, "reference"),
                       .digest = json.value("digest", ""),
                       .is_dry_run = json.value("dry_run", false)};
    if (json.contains("number")) order.number = json.at("number").get<uint64_t>();
    return order;
  });
}

std::string render_restore(const RestoreReport& report) {
  return text_of({{"repository", report.repository},
                  {"tag", report.tag},
                  {"digest", report.digest},
                  {"before", report.before},
                  {"manifests", report.manifests}});
}

Result<RestoreReport> parse_restore(std::string_view json_text) {
  return read_json(json_text, "restore report", [](const Json& json) {
    return RestoreReport{.repository = text_at(json, "repository"),
                         .tag = text_at(json, "tag"),
                         .digest = text_at(json, "digest"),
                         .before = text_at(json, "before"),
                         .manifests = json.at("manifests").get<uint64_t>()};
  });
}

std::string render_pin_order(const PinOrder& order) {
  return text_of({{"reference", order.reference}, {"reason", order.reason}});
}

Result<PinOrder> parse_pin_order(std::string_view json_text) {
  return read_json(json_text, "pin order", [](const Json& json) {
    return PinOrder{.reference = text_at(json, "reference"), .reason = json.value("reason", "")};
  });
}

PinsReport report_of(const std::vector<meta::Pin>& pins) {
  PinsReport report;
  for (const meta::Pin& one : pins) {
    report.pins.push_back({.repository = one.repository.to_string(),
                           .reference = one.reference,
                           .since = to_rfc3339(one.at),
                           .reason = one.reason});
  }
  return report;
}

std::string render_pins(const PinsReport& report) {
  Json pins = Json::array();
  for (const PinsReport::Pin& one : report.pins) {
    pins.push_back(
        {{"repository", one.repository}, {"reference", one.reference}, {"since", one.since}, {"reason", one.reason}});
  }
  return text_of({{"repository", report.repository}, {"reference", report.reference}, {"pins", std::move(pins)}});
}

Result<PinsReport> parse_pins(std::string_view json_text) {
  return read_json(json_text, "pins", [](const Json& json) {
    PinsReport report{.repository = text_at(json, "repository"), .reference = text_at(json, "reference")};
    for (const Json& one : json.at("pins")) {
      report.pins.push_back({.repository = text_at(one, "repository"),
                             .reference = text_at(one, "reference"),
                             .since = text_at(one, "since"),
                             .reason = text_at(one, "reason")});
    }
    return report;
  });
}

}  // namespace lifeboat::http
