#include "http/status_report.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace lifeboat::http {
namespace {

using Json = nlohmann::ordered_json;

constexpr BreakerState kStates[] = {BreakerState::closed, BreakerState::half_open, BreakerState::open};

Json json_of(const CaptureTotals& captures) {
  Json json{{"running", captures.running}, {"waiting", captures.waiting}, {"failing", captures.failing}};
  if (!captures.worst.empty()) json["worst"] = {{"manifest", captures.worst}, {"error", captures.worst_error}};
  return json;
}

CaptureTotals captures_of(const Json& json) {
  CaptureTotals captures{.running = json.at("running").get<uint64_t>(),
                         .waiting = json.at("waiting").get<uint64_t>(),
                         .failing = json.at("failing").get<uint64_t>()};
  if (!json.contains("worst")) return captures;
  captures.worst = json.at("worst").at("manifest").get<std::string>();
  captures.worst_error = json.at("worst").at("error").get<std::string>();
  return captures;
}

Json json_of(const EndpointStatus& endpoint) {
  Json json{{"name", endpoint.name}, {"state", to_string(endpoint.state)}};
  if (!endpoint.reason.empty()) json["reason"] = endpoint.reason;
  if (endpoint.probe_in) json["probe_in_s"] = endpoint.probe_in->count();
  if (endpoint.limited_for) json["limited_for_s"] = endpoint.limited_for->count();
  if (!endpoint.login.empty()) json["login"] = endpoint.login;
  return json;
}

Json json_of(const HostStatus& host) {
  Json endpoints = Json::array();
  for (const EndpointStatus& endpoint : host.endpoints) endpoints.push_back(json_of(endpoint));
  return {{"host", host.host},
          {"is_default", host.is_default},
          {"is_frozen", host.is_frozen},
          {"endpoints", std::move(endpoints)}};
}

Json json_of(const ProbeStatus& probe) {
  Json json{{"name", probe.name},
            {"target", probe.target},
            {"is_running", probe.is_running},
            {"is_accessible", probe.is_accessible},
            {"repositories", probe.repositories},
            {"tags", probe.tags},
            {"broken", probe.broken},
            {"diverging", probe.diverging},
            {"first", probe.first}};
  if (!probe.last_run.empty()) json["last_run"] = probe.last_run;
  if (!probe.error.empty()) json["error"] = probe.error;
  return json;
}

ProbeStatus probe_of(const Json& json) {
  return {.name = json.at("name").get<std::string>(),
          .target = json.at("target").get<std::string>(),
          .is_running = json.at("is_running").get<bool>(),
          .is_accessible = json.at("is_accessible").get<bool>(),
          .last_run = json.value("last_run", ""),
          .repositories = json.at("repositories").get<uint64_t>(),
          .tags = json.at("tags").get<uint64_t>(),
          .broken = json.at("broken").get<uint64_t>(),
          .diverging = json.at("diverging").get<uint64_t>(),
          .first = json.at("first").get<std::vector<std::string>>(),
          .error = json.value("error", "")};
}

Json json_of(const std::expected<meta::StoreTotals, std::string>& store) {
  if (!store) return {{"error", store.error()}};
  return {{"repositories", store->repositories},
          {"manifests", store->manifests},
          {"blobs", store->blobs},
          {"blob_bytes", store->blob_bytes}};
}

Json json_of(const BrokenTotals& broken) {
  Json faults = Json::array();
  for (const FaultReport& fault : broken.faults) faults.push_back(Json::parse(render_fault(fault)));
  return {{"pieces", broken.pieces}, {"faults", std::move(faults)}};
}

BrokenTotals broken_of(const Json& json) {
  BrokenTotals broken{.pieces = json.at("pieces").get<uint64_t>()};
  for (const Json& one : json.at("faults")) {
    if (auto fault = parse_fault(one.dump())) broken.faults.push_back(std::move(*fault));
  }
  return broken;
}

EndpointStatus endpoint_of(const Json& json) {
  EndpointStatus endpoint{.name = json.at("name").get<std::string>()};
  endpoint.reason = json.value("reason", "");
  endpoint.login = json.value("login", "");
  if (json.contains("probe_in_s")) endpoint.probe_in = std::chrono::seconds(json.at("probe_in_s").get<int64_t>());
  if (json.contains("limited_for_s")) {
    endpoint.limited_for = std::chrono::seconds(json.at("limited_for_s").get<int64_t>());
  }
  const auto state = json.at("state").get<std::string>();
  // A state that is not known here is for certain not the one in which requests are sent.
  endpoint.state = BreakerState::open;
  for (const BreakerState known : kStates) {
    if (to_string(known) == state) endpoint.state = known;
  }
  return endpoint;
}

HostStatus host_of(const Json& json) {
  HostStatus host{.host = json.at("host").get<std::string>(), .is_default = json.at("is_default").get<bool>()};
  host.is_frozen = json.value("is_frozen", false);
  for (const Json& endpoint : json.at("endpoints")) host.endpoints.push_back(endpoint_of(endpoint));
  return host;
}

std::expected<meta::StoreTotals, std::string> store_of(const Json& json) {
  if (json.contains("error")) return std::unexpected(json.at("error").get<std::string>());
  return meta::StoreTotals{.repositories = json.at("repositories").get<uint64_t>(),
                           .manifests = json.at("manifests").get<uint64_t>(),
                           .blobs = json.at("blobs").get<uint64_t>(),
                           .blob_bytes = json.at("blob_bytes").get<uint64_t>()};
}

}  // namespace

std::string_view to_string(BreakerState state) {
  switch (state) {
    case BreakerState::closed: return "closed";
    case BreakerState::half_open: return "half_open";
    case BreakerState::open: return "open";
  }
  return "open";
}

std::string render_endpoint(const EndpointStatus& endpoint) {
  return json_of(endpoint).dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<EndpointStatus> parse_endpoint(std::string_view json) try {
  return endpoint_of(Json::parse(json));
} catch (const Json::exception& mistake) {
  return fail(ErrorCode::invalid, std::string("cannot read endpoint: ") + mistake.what());
}

std::string render_status(const StatusReport& report) {
  Json hosts = Json::array();
  for (const HostStatus& host : report.hosts) hosts.push_back(json_of(host));
  Json probes = Json::array();
  for (const ProbeStatus& probe : report.probes) probes.push_back(json_of(probe));
  const Json json{{"version", report.version},
                  {"uptime_s", report.uptime.count()},
                  {"address", report.address},
                  {"data", report.data},
                  {"hosts", std::move(hosts)},
                  {"fetches", {{"running", report.fetches}}},
                  {"captures", json_of(report.captures)},
                  {"probes", std::move(probes)},
                  {"broken", json_of(report.broken)},
                  {"store", json_of(report.store)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<StatusReport> parse_status(std::string_view json_text) try {
  const Json json = Json::parse(json_text);
  StatusReport report;
  report.version = json.at("version").get<std::string>();
  report.uptime = std::chrono::seconds(json.at("uptime_s").get<int64_t>());
  report.address = json.at("address").get<std::string>();
  report.data = json.at("data").get<std::string>();
  for (const Json& host : json.at("hosts")) report.hosts.push_back(host_of(host));
  report.fetches = json.at("fetches").at("running").get<std::size_t>();
  if (json.contains("captures")) report.captures = captures_of(json.at("captures"));
  for (const Json& probe : json.value("probes", Json::array())) report.probes.push_back(probe_of(probe));
  if (json.contains("broken")) report.broken = broken_of(json.at("broken"));
  report.store = store_of(json.at("store"));
  return report;
} catch (const Json::exception& mistake) {
  return fail(ErrorCode::invalid, std::string("cannot read status: ") + mistake.what());
}

}  // namespace lifeboat::http
