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

http::HostStatus status_of(const Upstreams::Host& host) {
  http::HostStatus status{.host = host.host.to_string(), .is_default = host.is_default};
  for (const auto& endpoint : host.endpoints) {
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
  for (const Upstreams::Host& host : parts_.upstreams()->all()) report.hosts.push_back(status_of(host));
  return report;
}

}  // namespace lifeboat::server
