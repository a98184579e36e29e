#include "server/probers.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>

#include "sys/notification.h"

namespace lifeboat::server {
namespace {

/// Nobody waits for an answer; what is slow is not down.
constexpr sys::HttpDeadlines kDeadlines{.resolve = std::chrono::seconds(5),
                                        .connect = std::chrono::seconds(5),
                                        .tls = std::chrono::seconds(5),
                                        .first_byte = std::chrono::seconds(30),
                                        .stall = std::chrono::seconds(30)};

bool is_self(const ProbeConfig& probe) { return probe.target == kProbeSelf; }

upstream::EndpointOptions options_of(const ProbeConfig& probe, const std::string& own_url) {
  upstream::EndpointOptions options;
  options.url = is_self(probe) ? own_url : probe.target;
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

struct Probers::Probe {
  const ProbeConfig config;
  const std::optional<ProbeConfig> compared;
  const std::string target;  ///< as people read it
  const std::shared_ptr<upstream::RegistryInspector> inspector;
  const std::shared_ptr<upstream::RegistryInspector> other;  ///< null: it is not compared
  registry::Prober prober;
  std::atomic<bool> has_ended = false;
  sys::Notification ended{};
};

Probers::Probers(Parts parts, std::string own_url) : parts_(parts), own_url_(std::move(own_url)) {}
Probers::~Probers() = default;

Result<Probers::Plan> Probers::plan(const Config& config) const {
  Plan plan;
  for (const ProbeConfig& probe : config.probes) {
    LB_TRY(auto endpoint, upstream::Endpoint::make(options_of(probe, own_url_)));
    plan.push_back({.config = probe, .endpoint = std::move(endpoint)});
    const auto other = std::ranges::find(config.probes, probe.compare_with, &ProbeConfig::name);
    if (!probe.compare_with.empty() && other != config.probes.end()) plan.back().compared = *other;
  }
  return plan;
}

std::shared_ptr<Probers::Probe> Probers::make(const Planned& planned,
                                              std::shared_ptr<upstream::RegistryInspector> target,
                                              std::shared_ptr<upstream::RegistryInspector> other,
                                              bool is_successor) const {
  const ProbeConfig& config = planned.config;
  registry::ProberOptions options{.name = config.name,
                                  .repositories = config.repositories,
                                  .tags = config.tags,
                                  .every = config.every,
                                  .requests_max = static_cast<unsigned>(config.requests_max),
                                  .other = config.compare_with,
                                  .leaves_out_hosts = is_self(config),
                                  .is_successor = is_successor};
  const registry::Prober::Parts parts{.target = *target,
                                      .other = other.get(),
                                      .tours = parts_.tours,
                                      .clock = parts_.registry.clock,
                                      .metrics = parts_.metrics,
                                      .log = parts_.registry.log};
  return std::shared_ptr<Probe>(new Probe{.config = config,
                                          .compared = planned.compared,
                                          .target = is_self(config) ? std::string(kProbeSelf) : target->name(),
                                          .inspector = std::move(target),
                                          .other = std::move(other),
                                          .prober = {parts, std::move(options)}});
}

void Probers::follow(Plan plan) {
  Known before = probes_.with([](const Known& known) { return known; });
  const auto named = [](const Probes& among, const ProbeConfig& config) -> std::shared_ptr<Probe> {
    const auto found = std::ranges::find(among, config.name, [](const auto& probe) { return probe->config.name; });
    return found == among.end() ? nullptr : *found;
  };
  std::map<std::string, std::shared_ptr<upstream::RegistryInspector>> inspectors;
  for (Planned& planned : plan) {
    const auto old = named(before.now, planned.config);
    inspectors[planned.config.name] =
        old && old->config == planned.config
            ? old->inspector
            : std::make_shared<upstream::RegistryInspector>(parts_.registry, std::move(planned.endpoint));
  }
  Known after;
  for (const auto& old : before.leaving) {
    if (!old->has_ended) after.leaving.push_back(old);
  }
  for (const auto& old : before.now) {
    if (inspectors.contains(old->config.name)) continue;
    old->prober.retire();
    after.leaving.push_back(old);
  }
  for (const Planned& planned : plan) {
    auto old = named(before.now, planned.config);
    if (old && old->config == planned.config && old->compared == planned.compared) {
      after.now.push_back(old);
      continue;
    }
    if (old) old->prober.stop();
    if (!old) old = named(after.leaving, planned.config);
    std::erase(after.leaving, old);
    const auto other = planned.compared ? inspectors.at(planned.compared->name) : nullptr;
    after.now.push_back(make(planned, inspectors.at(planned.config.name), other, old != nullptr));
    const auto index = static_cast<unsigned>(after.now.size() - 1) % parts_.loops.count();
    parts_.loops.spawn(index, run(after.now.back(), std::move(old)));
  }
  probes_.with([&](Known& known) { known = std::move(after); });
}

Awaitable<void> Probers::run(std::shared_ptr<Probe> probe, std::shared_ptr<Probe> before) {
  while (before && !before->has_ended) {
    const uint64_t seen = before->ended.version();
    if (before->has_ended) break;
    co_await before->ended.wait(seen, SteadyTime::max());
  }
  if (before) probe->prober.go_on_from(before->prober);
  before.reset();
  co_await probe->prober.run();
  probe->has_ended = true;
  probe->ended.notify_all();
}

std::vector<http::ProbeStatus> Probers::status() const {
  std::vector<http::ProbeStatus> all;
  for (const auto& probe : probes_.with([](const Known& known) { return known.now; })) {
    registry::ProbeState state = probe->prober.state();
    all.push_back({.name = std::move(state.name),
                   .target = probe->target,
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
