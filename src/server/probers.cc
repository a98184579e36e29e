#include "server/probers.h"

#include <algorithm>
#include <utility>

#include "upstream/endpoint.h"

namespace lifeboat::server {
namespace {

/// Nobody waits for an answer; what is slow is not down.
constexpr sys::HttpDeadlines kDeadlines{.resolve = std::chrono::seconds(5),
                                        .connect = std::chrono::seconds(5),
                                        .tls = std::chrono::seconds(5),
                                        .first_byte = std::chrono::seconds(30),
                                        .stall = std::chrono::seconds(30)};

bool is_self(const ProbeConfig& probe) { return probe.target == kProbeSelf; }

upstream::EndpointOptions options_of(const ProbeConfig& probe, const Config& config, const std::string& own_address) {
  upstream::EndpointOptions options;
  const bool has_tls = !config.server.tls_certificate.empty();
  options.url = is_self(probe) ? own_url(own_address, has_tls) : probe.target;
  options.skip_verify = is_self(probe);  // its certificate is for the name that others call it by
  options.username = probe.username;
  options.password_file = probe.password_file;
  options.password_env = probe.password_env;
  options.docker_config = probe.docker_config;
  options.credential_helper = probe.credential_helper;
  options.ca_file = probe.ca_file;
  options.deadlines = kDeadlines;
  return options;
}

}  // namespace

std::string own_url(const std::string& address, bool has_tls) {
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.empty() || host == "0.0.0.0") host = "127.0.0.1";
  if (host == "[::]") host = "[::1]";
  return (has_tls ? "https://" : "http://") + host + address.substr(colon);
}

Result<std::unique_ptr<Probers>> Probers::build(const Config& config, Parts parts, const std::string& own_address) {
  std::unique_ptr<Probers> made(new Probers());
  for (const ProbeConfig& probe : config.probes) {
    LB_TRY(auto endpoint, upstream::Endpoint::make(options_of(probe, config, own_address)));
    made->targets_.push_back(is_self(probe) ? std::string(kProbeSelf) : endpoint.name());
    made->inspectors_.push_back(std::make_unique<upstream::RegistryInspector>(parts.registry, std::move(endpoint)));
  }
  for (std::size_t i = 0; i < config.probes.size(); ++i) {
    const ProbeConfig& probe = config.probes[i];
    const auto other = std::ranges::find(config.probes, probe.compare_with, &ProbeConfig::name);
    const bool is_compared = !probe.compare_with.empty() && other != config.probes.end();
    blob::Inspector* compared =
        is_compared ? made->inspectors_[static_cast<std::size_t>(other - config.probes.begin())].get() : nullptr;
    registry::ProberOptions options{.name = probe.name,
                                    .repositories = probe.repositories,
                                    .tags = probe.tags,
                                    .every = probe.every,
                                    .requests_max = static_cast<unsigned>(probe.requests_max),
                                    .other = probe.compare_with,
                                    .leaves_out_hosts = is_self(probe)};
    made->probers_.push_back(std::make_unique<registry::Prober>(registry::Prober::Parts{.target = *made->inspectors_[i],
                                                                                        .other = compared,
                                                                                        .tours = parts.tours,
                                                                                        .clock = parts.registry.clock,
                                                                                        .metrics = parts.metrics,
                                                                                        .log = parts.registry.log},
                                                                std::move(options)));
  }
  return made;
}

std::vector<http::ProbeStatus> Probers::status() const {
  std::vector<http::ProbeStatus> all;
  for (std::size_t i = 0; i < probers_.size(); ++i) {
    registry::ProbeState state = probers_[i]->state();
    all.push_back({.name = std::move(state.name),
                   .target = targets_[i],
                   .is_running = state.is_running,
                   .is_accessible = state.is_accessible,
                   .last_run = state.last_run ? to_rfc3339(*state.last_run) : "",
                   .repositories = state.counts.repositories,
                   .tags = state.counts.tags,
                   .broken = state.broken,
                   .diverging = state.diverging,
                   .first = std::move(state.first),
                   .error = std::move(state.last_error)});
  }
  return all;
}

}  // namespace lifeboat::server
