#include "test/sim/house.h"

#include <algorithm>

#include "base/assert.h"

namespace lifeboat::sim {
namespace {

constexpr Duration kProbeWithin{std::chrono::seconds(30)};

upstream::EndpointOptions options_of(const SimEndpoint& endpoint) {
  upstream::EndpointOptions options;
  options.url = "https://" + endpoint.name;
  if (endpoint.login != SimEndpoint::Login::none) {
    options.username = kUsername;
    options.password = kPassword;
  }
  return options;
}

}  // namespace

House::House(const SimWorld& world, Disk& disk, sys::HttpClient& network, Log& log, uint64_t seed) {
  addressing_ = std::make_unique<registry::Addressing>(disk.names, nullptr);
  build_upstreams(world, network, log, seed);
  manifest_fetches_ =
      std::make_unique<registry::ManifestFetches>(disk.blobs, disk.names, leases_, stamps_, clock_, loops_, log);
  blob_fetches_ =
      std::make_unique<registry::BlobFetches>(disk.blobs, disk.names, leases_, clock_, loops_, metrics_, log);
  faults_ = std::make_unique<registry::Faults>(
      registry::Faults::Parts{disk.blobs, disk.blobs, disk.names, leases_, stamps_, clock_, metrics_, log});
  pull_ = std::make_unique<registry::Pull>(disk.blobs, disk.names, *addressing_, *manifest_fetches_, *blob_fetches_,
                                           *faults_, clock_, metrics_, log);
  push_ = std::make_unique<registry::Push>(disk.blobs, disk.names, leases_, stamps_);
  uploads_ = std::make_unique<registry::Uploads>(registry::UploadsOptions{}, disk.blobs, disk.names, leases_, clock_,
                                                 metrics_, log);
  capture_ = std::make_unique<registry::Capture>(
      registry::Capture::Parts{.walk = {disk.blobs, disk.names, *manifest_fetches_, *blob_fetches_, clock_},
                               .addressing = *addressing_,
                               .pull = *pull_,
                               .loops = loops_,
                               .metrics = metrics_,
                               .log = log},
      registry::CaptureOptions{});
  freeze_ = std::make_unique<registry::Freeze>(disk.names, clock_, metrics_, log);
  explain_ = std::make_unique<registry::Explain>(
      registry::Explain::Parts{disk.blobs, disk.names, *addressing_, *capture_, *freeze_, clock_});
  retainer_ =
      std::make_unique<registry::Retainer>(registry::Retainer::Parts{.blobs = disk.blobs,
                                                                     .names = disk.names,
                                                                     .stamps = stamps_,
                                                                     .is_frozen = [](const auto&) { return false; },
                                                                     .clock = clock_,
                                                                     .metrics = metrics_,
                                                                     .log = log},
                                           registry::RetainerOptions{});
  history_ = std::make_unique<registry::TagHistory>(disk.blobs, disk.names, *push_, *addressing_, stamps_);
  collector_ = std::make_unique<registry::Collector>(
      registry::Collector::Parts{.sweep = {.blobs = disk.blobs,
                                           .inventory = disk.blobs,
                                           .names = disk.names,
                                           .leases = leases_,
                                           .stamps = stamps_,
                                           .is_frozen = [](const auto&) { return false; }},
                                 .clock = clock_,
                                 .loops = loops_,
                                 .metrics = metrics_,
                                 .log = log},
      registry::CollectorOptions{});
  repairer_ = std::make_unique<registry::Repairer>(
      registry::Repairer::Parts{disk.blobs, disk.blobs, disk.names, leases_, *addressing_, *faults_, clock_, loops_,
                                metrics_, log},
      std::vector<registry::RepairSource>{});
  scrubber_ = std::make_unique<registry::Scrubber>(
      registry::Scrubber::Parts{disk.blobs, disk.blobs, disk.names, *faults_, *repairer_, clock_, metrics_, log},
      registry::ScrubOptions{});
  const http::HandlerOptions options{.access_log = http::AccessLogMode::none};
  handler_ = std::make_unique<http::Handler>(options, http::Handler::Parts{.pull = *pull_,
                                                                           .push = *push_,
                                                                           .uploads = *uploads_,
                                                                           .addressing = *addressing_,
                                                                           .stamps = stamps_,
                                                                           .names = disk.names,
                                                                           .capture = *capture_,
                                                                           .explain = *explain_,
                                                                           .collector = *collector_,
                                                                           .retainer = *retainer_,
                                                                           .history = *history_,
                                                                           .scrubber = *scrubber_,
                                                                           .repairer = *repairer_,
                                                                           .status = status_,
                                                                           .clock = clock_,
                                                                           .metrics = metrics_,
                                                                           .log = log,
                                                                           .loops = 1});
}

House::~House() = default;

void House::build_upstreams(const SimWorld& world, sys::HttpClient& network, Log& log, uint64_t seed) {
  const upstream::RegistrySource::Parts parts{network, clock_, *files_, pool_, metrics_, log, breaker_opened_};
  auto hosts = std::make_shared<registry::UpstreamHosts>();
  for (const SimHost& host : world.hosts) {
    std::vector<upstream::Upstream::Member> members;
    for (const SimEndpoint& endpoint : host.endpoints) {
      auto made = upstream::Endpoint::make(options_of(endpoint));
      LB_ASSERT(made.has_value());
      auto source = std::make_shared<upstream::RegistrySource>(parts, std::move(*made), seed++);
      endpoints_.push_back(source.get());
      members.push_back({endpoint.name, std::move(source)});
    }
    upstreams_.push_back(std::make_unique<upstream::Upstream>(upstream::Upstream::Parts{clock_, log, metrics_},
                                                              std::move(members), Duration(0)));
    hosts->hosts.push_back({.host = *oci::RegistryHost::parse(host.name),
                            .source = upstreams_.back().get(),
                            .freshness = {.fresh_for = host.fresh_for,
                                          .max_stale = std::nullopt,
                                          .drops_gone = host.drops_gone,
                                          .serves_on_credential_fault = host.serves_on_credential_fault,
                                          .not_found_for = host.not_found_for},
                            .capture = {.is_on = host.captures}});
  }
  addressing_->replace_hosts(std::move(hosts));
}

void House::start() {
  loops_.spawn(0, keep_probing());
  loops_.spawn(0, keep_capturing());
}

Awaitable<void> House::keep_capturing() {
  ++probes_;
  co_await capture_->run();
  --probes_;
  breaker_opened_.notify_all();
}

/// As in server/compose.cc.
void House::look_at_freeze() {
  std::vector<registry::Freeze::Host> hosts;
  for (const registry::UpstreamHost& host : addressing_->hosts()->hosts) {
    hosts.push_back({host.host, host.source->can_be_asked()});
  }
  if (!freeze_->look(hosts)) return;
  handler_->forget_prepared();
  capture_->look();
}

Awaitable<void> House::stop() {
  is_stopping_ = true;
  breaker_opened_.notify_all();
  capture_->stop();
  // The process leaves what runs; here it ends, so that whoever looks finds nothing.
  while (capture_->running() > 0) co_await clock_.sleep_until(clock_.now() + std::chrono::seconds(1));
  co_await manifest_fetches_->stop();
  co_await blob_fetches_->stop();
  while (probes_ > 0) co_await breaker_opened_.wait(breaker_opened_.version(), SteadyTime::max());
}

/// As in server/compose.cc.
Awaitable<void> House::keep_probing() {
  ++probes_;
  while (!is_stopping_) {
    const uint64_t seen = breaker_opened_.version();
    look_at_freeze();
    const SteadyTime now = clock_.now();
    SteadyTime next = SteadyTime::max();
    for (upstream::RegistrySource* endpoint : endpoints_) {
      const SteadyTime due = std::min(endpoint->next_probe(), endpoint->next_credential_check());
      if (due > now) {
        next = std::min(next, due);
      } else {
        loops_.spawn(0, probe(*endpoint));
      }
    }
    co_await breaker_opened_.wait(seen, next);
  }
  --probes_;
  breaker_opened_.notify_all();
}

Awaitable<void> House::probe(upstream::RegistrySource& endpoint) {
  ++probes_;
  const Call call(clock_.now() + kProbeWithin, "probe");
  co_await endpoint.probe(call);
  co_await endpoint.check_credentials(call);
  --probes_;
  breaker_opened_.notify_all();
}

bool House::is_breaker_closed(const std::string& endpoint) const {
  const auto found =
      std::ranges::find(endpoints_, endpoint, [](const auto* source) { return source->endpoint().name(); });
  LB_ASSERT(found != endpoints_.end());
  return (*found)->health() == upstream::Health::State::closed;
}

bool House::are_all_breakers_open(const SimHost& host) const {
  return std::ranges::none_of(host.endpoints,
                              [&](const SimEndpoint& endpoint) { return is_breaker_closed(endpoint.name); });
}

std::size_t House::running() const { return blob_fetches_->running() + capture_->running() + probes_; }

}  // namespace lifeboat::sim
