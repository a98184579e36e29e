#include "server/node_status.h"

#include <algorithm>
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

std::chrono::seconds until(SteadyTime time, SteadyTime now) {
  return std::chrono::ceil<std::chrono::seconds>(std::max(time - now, SteadyTime::duration(0)));
}

std::string login_of(const upstream::CredentialState& state) {
  using Verdict = upstream::CredentialState::Verdict;
  return state.verdict == Verdict::none ? std::string() : std::string(to_string(state.verdict));
}

http::EndpointStatus status_of(const upstream::RegistrySource& endpoint, SteadyTime now) {
  const upstream::Health::Snapshot health = endpoint.health_report();
  const upstream::CredentialState credentials = endpoint.credentials();
  http::EndpointStatus status{
      .name = endpoint.endpoint().name(), .state = breaker_of(health.state), .login = login_of(credentials)};
  if (health.state != upstream::Health::State::closed) {
    status.reason = health.reason;
    if (health.next_probe != SteadyTime::max()) status.probe_in = until(health.next_probe, now);
  } else if (credentials.verdict == upstream::CredentialState::Verdict::rejected) {
    status.reason = credentials.reason;
  }
  if (health.limited_until > now) status.limited_for = until(health.limited_until, now);
  return status;
}

http::HostStatus status_of(const Upstreams::Host& host, bool is_frozen, SteadyTime now) {
  http::HostStatus status{.host = host.host.to_string(), .is_default = host.is_default, .is_frozen = is_frozen};
  for (const auto& endpoint : host.endpoints) status.endpoints.push_back(status_of(*endpoint, now));
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
  report.probes = parts_.probes();
  for (const Upstreams::Host& host : parts_.upstreams()->all()) {
    report.hosts.push_back(status_of(host, parts_.freeze.is_frozen(host.host), parts_.clock.now()));
  }
  return report;
}

}  // namespace lifeboat::server
