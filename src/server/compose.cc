#include "server/compose.h"

#include <algorithm>
#include <thread>

#include "base/assert.h"
#include "base/guarded.h"
#include "blob/archive_source.h"
#include "blob/data_directory.h"
#include "blob/fs_store.h"
#include "blob/layout_source.h"
#include "http/api_scrub.h"
#include "http/handler.h"
#include "meta/sqlite_store.h"
#include "registry/addressing.h"
#include "registry/blob_fetch.h"
#include "registry/explain.h"
#include "registry/manifest_fetch.h"
#include "registry/pull.h"
#include "registry/push.h"
#include "registry/tag_history.h"
#include "registry/upkeep/capture.h"
#include "registry/upkeep/collector.h"
#include "registry/upkeep/evictor.h"
#include "registry/upkeep/freeze.h"
#include "registry/upkeep/prefetch_list.h"
#include "registry/upkeep/repairer.h"
#include "registry/upkeep/retainer.h"
#include "registry/upkeep/scrubber.h"
#include "registry/uploads.h"
#include "server/current_upstreams.h"
#include "server/node_status.h"
#include "server/probers.h"
#include "server/repair_from.h"
#include "server/settings.h"
#include "server/upstreams.h"
#include "server/watermark.h"
#include "sys/block_pool.h"
#include "sys/clock.h"
#include "sys/disk_space.h"
#include "sys/event_loops.h"
#include "sys/file_system.h"
#include "sys/http_client.h"
#include "sys/http_server.h"
#include "sys/metrics.h"
#include "sys/notification.h"
#include "sys/thread_pool.h"
#include "sys/tls.h"
#include "upstream/source.h"

namespace lifeboat::server {
namespace {

constexpr Duration kReapEvery{std::chrono::minutes(10)};
constexpr Duration kReapWithin{std::chrono::minutes(1)};
constexpr Duration kLookAgain{std::chrono::minutes(1)};  // a realm may have become known, whose answers can be checked
constexpr Duration kProbeWithin{std::chrono::seconds(30)};  // its own deadlines are shorter

constexpr Duration kTellEvery{std::chrono::milliseconds(200)};
constexpr std::size_t kStandingMax = 100;

unsigned loops_of(const Config& config) {
  if (config.server.threads != 0) return static_cast<unsigned>(config.server.threads);
  return std::max(1U, std::thread::hardware_concurrency());
}

/// Whether an operator named upstreams, beyond the built-in ones that may never be used.
bool has_named_upstream(const Config& config) {
  const auto is_named = [](const UpstreamConfig& upstream) {
    return std::ranges::none_of(builtin_upstreams(),
                                [&](const auto& builtin) { return builtin.host == upstream.host; });
  };
  return config.default_upstream.has_value() || config.any_upstream.has_value() ||
         std::ranges::any_of(config.upstreams, is_named);
}

registry::RetainerOptions retention_of(const Config& config) {
  registry::RetainerOptions options{.policies = {}, .every = config.gc.prune_every};
  for (const RetentionConfig& one : config.retention) {
    registry::RetentionRule rule{.keep_last = static_cast<std::size_t>(one.keep_last),
                                 .keep_tags = one.keep_tags,
                                 .delete_untagged_after = one.delete_untagged_after};
    for (const std::string& platform : one.keep_platforms) {
      if (auto parsed = oci::Platform::parse(platform)) rule.keep_platforms.push_back(std::move(*parsed));
    }
    if (one.keep_pulled_within > Duration(0)) rule.keep_pulled_within = one.keep_pulled_within;
    options.policies.push_back({.match = one.match, .rule = std::move(rule)});
  }
  return options;
}

http::AccessLogMode access_log_of(AccessLog mode) {
  switch (mode) {
    case AccessLog::none: return http::AccessLogMode::none;
    case AccessLog::problems: return http::AccessLogMode::problems;
    case AccessLog::all: return http::AccessLogMode::all;
  }
  return http::AccessLogMode::problems;
}

}  // namespace

struct Node::Parts {
  Parts(const Config& configuration, Log& logger)
      : config(configuration),
        log(logger),
        disk("disk", 4),
        hash("hash", std::max(2U, std::thread::hardware_concurrency())),
        loops(loops_of(configuration)) {}

  const Config config;
  Log& log;
  sys::SystemClock clock;
  sys::Metrics metrics;
  sys::BlockPool blocks;
  std::unique_ptr<sys::FileSystem> files = sys::make_posix_file_system();
  sys::ThreadPool disk;
  sys::ThreadPool hash;
  std::unique_ptr<sys::HttpClient> client;
  std::unique_ptr<blob::DataDirectory> directory;
  std::unique_ptr<blob::FsStore> blobs;
  std::unique_ptr<meta::Store> names;
  meta::EvictionIndex* eviction = nullptr;  ///< of `names`
  registry::ContentLeases leases{clock};
  registry::ChangeStamps stamps;
  std::unique_ptr<registry::Addressing> addressing;
  std::unique_ptr<registry::ManifestFetches> manifest_fetches;
  std::unique_ptr<registry::BlobFetches> blob_fetches;
  std::unique_ptr<registry::Faults> faults;
  std::unique_ptr<registry::Pull> pull;
  std::unique_ptr<registry::Push> push;
  std::unique_ptr<registry::Capture> capture;
  std::unique_ptr<registry::PrefetchList> prefetch_list;
  std::unique_ptr<registry::Freeze> freeze;
  std::unique_ptr<registry::Collector> collector;
  std::unique_ptr<registry::Evictor> evictor;  ///< null: nothing is evicted
  Guarded<std::vector<oci::FullReference>> always_held;
  std::unique_ptr<registry::Retainer> retainer;
  std::unique_ptr<registry::TagHistory> history;
  std::unique_ptr<registry::Explain> explain;
  std::unique_ptr<registry::Repairer> repairer;
  std::unique_ptr<registry::Scrubber> scrubber;
  std::unique_ptr<registry::Uploads> uploads;
  std::unique_ptr<Probers> probers;
  std::unique_ptr<NodeStatus> status;
  std::unique_ptr<http::Handler> handler;
  std::shared_ptr<sys::TlsServerContext> tls;
  sys::Notification stop_asked;
  sys::Notification breaker_opened;
  std::atomic<bool> is_stopping = false;
  /// What still waits when the loops have stopped (a fetch, a probe) is destroyed with them: before all it uses.
  sys::EventLoops loops;
  std::unique_ptr<sys::HttpServer> server;
  std::unique_ptr<sys::TaskGroup> upkeep;

  Status open_store();
  Status open_upstreams();
  void build_use_cases();
  Status listen();
  void build_evictor();
  Task<registry::EvictionSpace> measure(Call call);
  void follow_prefetch(const Config& wanted);
  std::vector<registry::RepairSource> repair_sources(const Config& wanted);
  Result<std::shared_ptr<Upstreams>> upstreams_of(const Config& wanted);
  CurrentUpstreams upstreams{[this](auto hosts) {
    addressing->replace_hosts(std::move(hosts));
    breaker_opened.notify_all();
  }};
};

Node::Node(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Node::~Node() = default;

Result<std::unique_ptr<Node>> Node::build(const Config& config, Log& log) {
  auto parts = std::make_unique<Parts>(config, log);
  LB_CHECK(parts->open_store());
  LB_CHECK(parts->open_upstreams());
  parts->build_use_cases();
  LB_CHECK(parts->listen());
  parts->probers = std::make_unique<Probers>(
      Probers::Parts{.registry = {*parts->client, parts->clock, *parts->files, parts->disk, log},
                     .tours = parts->names->tours(),
                     .metrics = parts->metrics,
                     .loops = parts->loops},
      own_url(parts->server->address(), !config.server.tls_certificate.empty()));
  LB_TRY(Probers::Plan probes, parts->probers->plan(config));
  parts->probers->follow(std::move(probes));
  return std::unique_ptr<Node>(new Node(std::move(parts)));
}

Result<std::unique_ptr<Node>> Node::build_without_door(const Config& config, Log& log) {
  auto parts = std::make_unique<Parts>(config, log);
  LB_CHECK(parts->open_store());
  LB_CHECK(parts->open_upstreams());
  parts->build_use_cases();
  return std::unique_ptr<Node>(new Node(std::move(parts)));
}

Result<http::ScrubReport> Node::scrub(const http::ScrubRequest& request,
                                      const std::function<void(const http::ScrubReport&)>& watch) {
  Result<http::ScrubReport> report = http::ScrubReport{};
  parts_->loops.spawn(0, scrub_and_stop(request, report));
  parts_->loops.spawn(0, tell_progress(watch));
  parts_->loops.run();
  LB_CHECK(parts_->names->close());
  return report;
}

Awaitable<void> Node::scrub_and_stop(http::ScrubRequest request, Result<http::ScrubReport>& report) {
  Parts& parts = *parts_;
  const registry::ScrubOrder order{.is_repaired = request.is_repaired, .rate_bytes = request.rate_bytes};
  co_await parts.scrubber->tour_now(order);
  const Call call(parts.clock.now() + kReapWithin, "scrub");
  const auto standing = co_await parts.repairer->standing(call, kStandingMax);
  const auto broken = co_await parts.names->faults().count(call);
  if (!standing) {
    report = std::unexpected(standing.error());
  } else if (!broken) {
    report = std::unexpected(broken.error());
  } else {
    report = http::report_of(parts.scrubber->progress(), *standing, *broken, parts.clock.wall());
  }
  parts.loops.stop();
}

Awaitable<void> Node::tell_progress(const std::function<void(const http::ScrubReport&)>& watch) {
  for (;;) {
    watch(http::report_of(parts_->scrubber->progress(), {}, 0, parts_->clock.wall()));
    co_await parts_->clock.sleep_until(parts_->clock.now() + kTellEvery);
  }
}

std::string Node::address() const { return parts_->server->address(); }

void Node::run() {
  parts_->server->start();
  if (has_named_upstream(parts_->config)) parts_->client->warm_up();
  parts_->upkeep->spawn(keep_house());
  parts_->upkeep->spawn(keep_probing());
  parts_->upkeep->spawn(parts_->capture->run());
  parts_->upkeep->spawn(parts_->prefetch_list->run());
  parts_->upkeep->spawn(parts_->collector->run());
  if (parts_->evictor) parts_->upkeep->spawn(parts_->evictor->run());
  parts_->upkeep->spawn(parts_->retainer->run());
  parts_->upkeep->spawn(parts_->repairer->run());
  parts_->upkeep->spawn(parts_->scrubber->run());
  parts_->loops.run();
  if (const Status closed = parts_->names->close(); !closed) {
    parts_->log.error("store.close_failed", {{"reason", closed.error().message()}});
  }
}

void Node::request_stop() {
  if (parts_->is_stopping.exchange(true)) return;
  parts_->handler->set_stopping();
  parts_->stop_asked.notify_all();
  parts_->breaker_opened.notify_all();
  parts_->capture->stop();
  parts_->prefetch_list->stop();
  parts_->collector->stop();
  if (parts_->evictor) parts_->evictor->stop();
  parts_->retainer->stop();
  parts_->scrubber->stop();
  parts_->repairer->stop();
  parts_->loops.spawn(0, shut_down());
}

/// Listeners first, then what they started, then the loops: nothing is cut that could still end by itself.
Awaitable<void> Node::shut_down() {
  co_await parts_->server->stop(parts_->clock.now() + parts_->config.server.grace);
  co_await parts_->upkeep->join();
  co_await parts_->collector->join();
  parts_->loops.stop();
}

/// Upload sessions that nobody ends (W45).
Awaitable<void> Node::keep_house() {
  Parts& parts = *parts_;
  const Call starting(parts.clock.now() + kReapWithin, "upkeep");
  if (const Status dropped = co_await parts.uploads->drop_orphans(starting); !dropped) {
    parts.log.warning("upload.orphans_failed", {{"reason", dropped.error().message()}});
  }
  while (!parts.is_stopping) {
    const uint64_t seen = parts.stop_asked.version();
    if (parts.is_stopping) break;
    const bool is_asked = co_await parts.stop_asked.wait(seen, parts.clock.now() + kReapEvery);
    if (is_asked) break;
    const Call call(parts.clock.now() + kReapWithin, "upkeep");
    if (const Status reaped = co_await parts.uploads->reap(call); !reaped) {
      parts.log.warning("upload.reap_failed", {{"reason", reaped.error().message()}});
    }
  }
}

/// Asks what is out of order, so that no client has to (upstream/health.h).
Awaitable<void> Node::keep_probing() {
  Parts& parts = *parts_;
  while (!parts.is_stopping) {
    const uint64_t seen = parts.breaker_opened.version();
    if (parts.is_stopping) break;
    look_at_freeze();
    const SteadyTime now = parts.clock.now();
    SteadyTime next = now + kLookAgain;
    for (const auto& upstreams : parts.upstreams.in_use()) {
      for (const Upstreams::Host& host : upstreams->all()) {
        for (const auto& endpoint : host.endpoints) {
          const SteadyTime due = std::min(endpoint->next_probe(), endpoint->next_credential_check());
          if (due > now) {
            next = std::min(next, due);
          } else {
            parts.loops.spawn(0, probe(endpoint));  // nobody waits for it: the process may end under it
          }
        }
      }
    }
    co_await parts.breaker_opened.wait(seen, next);
  }
}

Awaitable<void> Node::probe(std::shared_ptr<upstream::RegistrySource> endpoint) {
  const Call call(parts_->clock.now() + kProbeWithin, "probe");
  co_await endpoint->probe(call);
  parts_->breaker_opened.notify_all();  // what was due behind it has to be looked at again
  co_await endpoint->check_credentials(call);
  parts_->breaker_opened.notify_all();  // what was due behind it has to be looked at again
}

/// Answers that were made while an upstream could give the rest of an image are made anew when it cannot.
void Node::look_at_freeze() {
  std::vector<registry::Freeze::Host> hosts;
  for (const Upstreams::Host& host : parts_->upstreams.now()->all()) {
    hosts.push_back({host.host, host.upstream->can_be_asked()});
  }
  if (!parts_->freeze->look(hosts)) return;
  parts_->handler->forget_prepared();
  parts_->capture->look();
}

Status Node::reload(const Config& fresh) {
  LB_TRY(auto upstreams, parts_->upstreams_of(fresh));
  LB_TRY(Probers::Plan probes, parts_->probers->plan(fresh));
  if (parts_->tls) LB_CHECK(parts_->tls->reload());
  parts_->upstreams.adopt(upstreams);
  // What failed for want of a login or a host may go through now.
  for (const registry::UpstreamHost& host : upstreams->hosts().hosts) {
    parts_->names->captures().hurry(host.host, parts_->clock.wall());
  }
  parts_->capture->look();
  parts_->handler->forget_prepared();
  parts_->log.set_options({fresh.log.level, fresh.log.format});
  parts_->follow_prefetch(fresh);
  parts_->repairer->replace(parts_->repair_sources(fresh));
  parts_->probers->follow(std::move(probes));
  return {};
}

Result<std::shared_ptr<Upstreams>> Node::Parts::upstreams_of(const Config& wanted) {
  return Upstreams::build(wanted, {*client, clock, *files, disk, metrics, log, breaker_opened}, upstreams.in_use());
}

Status Node::Parts::open_store() {
  LB_TRY(directory, blob::DataDirectory::open(config.storage.root, *files));
  LB_TRY(blobs, blob::FsStore::open(
                    *directory, *files, {disk, hash},
                    {.max_bytes = config.scrub.quarantine_max_bytes, .max_age = config.scrub.quarantine_keep}));
  LB_TRY(auto opened,
         meta::SqliteStore::open(directory->meta() / "lifeboat.db", clock, {.size_max_bytes = 0, .log = &log}));
  eviction = &opened->eviction();
  names = std::move(opened);
  return {};
}

Status Node::Parts::open_upstreams() {
  client = sys::make_curl_http_client({.user_agent = "lifeboat/" LIFEBOAT_VERSION}, blocks);
  LB_TRY(const auto configured, upstreams_of(config));
  addressing = std::make_unique<registry::Addressing>(*names, nullptr);
  upstreams.adopt(configured);
  return {};
}

void Node::Parts::build_use_cases() {
  manifest_fetches = std::make_unique<registry::ManifestFetches>(*blobs, *names, leases, stamps, clock, loops, log);
  blob_fetches = std::make_unique<registry::BlobFetches>(*blobs, *names, leases, clock, loops, metrics, log);
  faults = std::make_unique<registry::Faults>(
      registry::Faults::Parts{*blobs, *blobs, *names, leases, stamps, clock, metrics, log});
  pull = std::make_unique<registry::Pull>(*blobs, *names, *addressing, *manifest_fetches, *blob_fetches, *faults, clock,
                                          metrics, log);
  push = std::make_unique<registry::Push>(*blobs, *names, leases, stamps);
  capture = std::make_unique<registry::Capture>(
      registry::Capture::Parts{.walk = {*blobs, *names, *manifest_fetches, *blob_fetches, clock},
                               .addressing = *addressing,
                               .pull = *pull,
                               .loops = loops,
                               .metrics = metrics,
                               .log = log},
      registry::CaptureOptions{.running_max = static_cast<unsigned>(config.capture.running_max)});
  prefetch_list =
      std::make_unique<registry::PrefetchList>(registry::PrefetchList::Parts{*addressing, *capture, loops, clock, log});
  follow_prefetch(config);
  freeze = std::make_unique<registry::Freeze>(*names, clock, metrics, log);
  collector = std::make_unique<registry::Collector>(
      registry::Collector::Parts{.sweep = {.blobs = *blobs,
                                           .inventory = *blobs,
                                           .names = *names,
                                           .leases = leases,
                                           .stamps = stamps,
                                           .is_frozen = [this](const auto& host) { return freeze->is_frozen(host); }},
                                 .clock = clock,
                                 .loops = loops,
                                 .metrics = metrics,
                                 .log = log},
      registry::CollectorOptions{.grace = config.gc.grace, .every = config.gc.every});
  build_evictor();
  retainer = std::make_unique<registry::Retainer>(
      registry::Retainer::Parts{.blobs = *blobs,
                                .names = *names,
                                .stamps = stamps,
                                .is_frozen = [this](const auto& host) { return freeze->is_frozen(host); },
                                .clock = clock,
                                .metrics = metrics,
                                .log = log},
      retention_of(config));
  history = std::make_unique<registry::TagHistory>(*blobs, *names, *push, *addressing, stamps);
  explain = std::make_unique<registry::Explain>(
      registry::Explain::Parts{*blobs, *names, *addressing, *capture, *freeze, clock});
  repairer = std::make_unique<registry::Repairer>(
      registry::Repairer::Parts{*blobs, *blobs, *names, leases, *addressing, *faults, clock, loops, metrics, log},
      repair_sources(config));
  scrubber = std::make_unique<registry::Scrubber>(
      registry::Scrubber::Parts{*blobs, *blobs, *names, *faults, *repairer, clock, metrics, log},
      registry::ScrubOptions{.rate_bytes = config.scrub.rate_bytes, .every = config.scrub.every});
  const registry::UploadsOptions sessions{.expires_after = config.storage.uploads_expire,
                                          .per_repository_max = config.storage.uploads_per_repository_max,
                                          .open_max = config.storage.uploads_open_max};
  uploads = std::make_unique<registry::Uploads>(sessions, *blobs, *names, leases, clock, metrics, log);
  status = std::make_unique<NodeStatus>(NodeStatus::Parts{.clock = clock,
                                                          .fetches = *blob_fetches,
                                                          .freeze = *freeze,
                                                          .probes = [this] { return probers->status(); },
                                                          .upstreams = [this] { return upstreams.now(); },
                                                          .data = std::filesystem::absolute(config.storage.root)});
  const http::HandlerOptions options{.answer_within = config.server.answer_within,
                                     .delete_enabled = config.storage.delete_enabled,
                                     .manifest_cache_bytes = config.server.manifest_cache_bytes,
                                     .access_log = access_log_of(config.log.access)};
  handler = std::make_unique<http::Handler>(options, http::Handler::Parts{.pull = *pull,
                                                                          .push = *push,
                                                                          .uploads = *uploads,
                                                                          .addressing = *addressing,
                                                                          .stamps = stamps,
                                                                          .names = *names,
                                                                          .capture = *capture,
                                                                          .explain = *explain,
                                                                          .collector = *collector,
                                                                          .retainer = *retainer,
                                                                          .history = *history,
                                                                          .scrubber = *scrubber,
                                                                          .repairer = *repairer,
                                                                          .status = *status,
                                                                          .clock = clock,
                                                                          .metrics = metrics,
                                                                          .log = log,
                                                                          .loops = loops.count()});
  upkeep = std::make_unique<sys::TaskGroup>(loops);
}

void Node::Parts::build_evictor() {
  if (config.storage.evict_above.empty()) return;
  evictor = std::make_unique<registry::Evictor>(
      registry::Evictor::Parts{
          .eviction = *eviction,
          .blobs = *blobs,
          .names = *names,
          .addressing = *addressing,
          .stamps = stamps,
          .measure = [this](Call call) { return measure(std::move(call)); },
          .always_held = [this] { return always_held.with([](const auto& held) { return held; }); },
          .is_frozen = [this](const auto& host) { return freeze->is_frozen(host); },
          .collector = *collector,
          .clock = clock,
          .metrics = metrics,
          .log = log},
      config.storage.evict_unused_for);
}

Task<registry::EvictionSpace> Node::Parts::measure(Call call) {
  LB_CO_TRY(const Watermark above, Watermark::parse(config.storage.evict_above));
  LB_CO_TRY(const Watermark below, Watermark::parse(config.storage.evict_below));
  registry::EvictionSpace space;
  uint64_t whole_bytes = 0;
  if (above.is_percentage()) {
    LB_CO_TRY(const sys::DiskSpace on_disk, sys::disk_space(config.storage.root));
    space.used_bytes = on_disk.used_bytes;
    whole_bytes = on_disk.used_bytes + on_disk.free_bytes;
  } else {
    LB_CO_TRY(const meta::StoreTotals totals, co_await names->totals(std::move(call)));
    space.used_bytes = totals.blob_bytes;
  }
  space.above_bytes = above.in_bytes(whole_bytes);
  space.below_bytes = below.in_bytes(whole_bytes);
  co_return space;
}

void Node::Parts::follow_prefetch(const Config& wanted) {
  std::vector<oci::FullReference> references;
  for (const std::string& entry : wanted.capture.prefetch) {
    auto reference = oci::FullReference::parse(entry);
    LB_ASSERT(reference.has_value());  // load_config has read it too
    references.push_back(std::move(*reference));
  }
  always_held.with([&](auto& held) { held = references; });
  prefetch_list->replace(std::move(references), wanted.capture.prefetch_every);
}

std::vector<registry::RepairSource> Node::Parts::repair_sources(const Config& wanted) {
  std::vector<registry::RepairSource> sources;
  for (const std::string& entry : wanted.scrub.repair_from) {
    auto from = RepairFrom::parse(entry);
    LB_ASSERT(from.has_value());  // load_config has read it too
    registry::RepairSource source{.match = std::move(from->match), .host = std::move(from->host), .name = entry};
    if (from->is_of_archives) {
      source.source =
          std::make_shared<blob::ArchiveSource>(from->path, blob::ArchiveSource::Parts{*files, disk, blocks});
    } else if (!from->path.empty()) {
      source.source = std::make_shared<blob::LayoutSource>(from->path, blob::LayoutSource::Parts{*files, disk, blocks});
    }
    sources.push_back(std::move(source));
  }
  return sources;
}

Status Node::Parts::listen() {
  if (!config.server.tls_certificate.empty()) {
    LB_TRY(tls, sys::TlsServerContext::load(config.server.tls_certificate, config.server.tls_key));
  }
  const sys::HttpServerOptions options{.listen = config.server.listen,
                                       .header_timeout = config.server.header_timeout,
                                       .idle_timeout = config.server.idle_timeout,
                                       .body_rate_min_bytes = config.server.body_rate_min_bytes,
                                       .body_rate_window = config.server.body_rate_window};
  LB_TRY(server, sys::HttpServer::listen(options, loops, clock, blocks, *handler, tls));
  status->set_address(server->address());
  if (const Status opened = server->listen_locally(directory->local_socket()); !opened) {
    log.warning("server.no_local_socket",
                {{"reason", opened.error().message()}, {"effect", "commands like 'lifeboat status' cannot ask it"}});
  }
  return {};
}

}  // namespace lifeboat::server
