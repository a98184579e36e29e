#include "server/node_status.h"

#include <chrono>
#include <utility>

namespace lifeboat::server {
namespace {

http::BreakerState breaker_of(upstream::Health::State state) {
  switch (state) {
    case upstream::Health::State::closed: return http::BreakerState::closed;
    case upstream::Health::State::half_open: return http::BreakerState::half_open;
    case upstream::Health::State::open: return http::BreakerState::open;
  }
  return http::BreakerState::open;
}

http::HostStatus status_of(const ShownHost& shown) {
  http::HostStatus status{.host = shown.host, .is_default = shown.is_default};
  for (const upstream::RegistrySource* endpoint : shown.endpoints) {
    status.endpoints.push_back({.name = endpoint->endpoint().name(), .state = breaker_of(endpoint->health())});
  }
  return status;
}

}  // namespace

NodeStatus::NodeStatus(Parts parts) : parts_(std::move(parts)), started_(parts_.clock.now()) {}

http::StatusReport NodeStatus::report() const {
  http::StatusReport report;
  report.version = LIFEBOAT_VERSION;
  report.uptime = std::chrono::duration_cast<std::chrono::seconds>(parts_.clock.now() - started_);
  report.address = address_;
  report.data = parts_.data;
  report.fetches = parts_.fetches.running();
  if (const Hosts hosts = parts_.hosts()) {
    for (const ShownHost& shown : *hosts) report.hosts.push_back(status_of(shown));
  }
  return report;
}

}  // namespace lifeboat::server
