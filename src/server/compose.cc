#include "server/compose.h"

#include <algorithm>
#include <thread>

#include "base/guarded.h"
#include "blob/data_directory.h"
#include "blob/fs_store.h"
#include "http/handler.h"
#include "meta/sqlite_store.h"
#include "registry/addressing.h"
#include "registry/blob_fetch.h"
#include "registry/manifest_fetch.h"
#include "registry/pull.h"
#include "registry/push.h"
#include "registry/upkeep/capture.h"
#include "registry/upkeep/freeze.h"
#include "registry/uploads.h"
#include "server/hosts_on_demand.h"
#include "server/node_status.h"
#include "server/settings.h"
#include "sys/block_pool.h"
#include "sys/clock.h"
#include "sys/event_loops.h"
#include "sys/file_system.h"
#include "sys/http_client.h"
#include "sys/http_server.h"
#include "sys/metrics.h"
#include "sys/notification.h"
#include "sys/thread_pool.h"
#include "sys/tls.h"
#include "upstream/source.h"
#include "upstream/upstream.h"

namespace lifeboat::server {
namespace {

constexpr Duration kReapEvery{std::chrono::minutes(10)};
constexpr Duration kReapWithin{std::chrono::minutes(1)};
constexpr Duration kProbeWithin{std::chrono::seconds(30)};  // its own deadlines are shorter

unsigned loops_of(const Config& config) {
  if (config.server.threads != 0) return static_cast<unsigned>(config.server.threads);
  return std::max(1U, std::thread::hardware_concurrency());
}

/// The sources of all upstreams, kept alive by whoever still asks them after a reload has replaced them.
struct OwnedHosts {
  struct Sources {
    std::vector<std::unique_ptr<upstream::Upstream>> upstreams;
    std::vector<upstream::RegistrySource*> endpoints;  ///< of all of them: to probe
    std::vector<ShownHost> shown;
  };
  Guarded<Sources> sources;  ///< those made on demand come later
  registry::UpstreamHosts hosts;
  std::unique_ptr<HostsOnDemand> on_demand;
};

Result<std::unique_ptr<upstream::RegistrySource>> source_of(const EndpointConfig& endpoint,
                                                            const UpstreamConfig& upstream,
                                                            const upstream::RegistrySource::Parts& parts) {
  LB_TRY(upstream::Endpoint made, upstream::Endpoint::make({.url = endpoint.url,
                                                            .match = endpoint.match,
                                                            .rewrite = endpoint.rewrite,
                                                            .username = endpoint.username,
                                                            .password = {},
                                                            .password_file = endpoint.password_file,
                                                            .password_env = endpoint.password_env,
                                                            .docker_config = endpoint.docker_config,
                                                            .credential_helper = endpoint.credential_helper,
                                                            .ca_file = endpoint.ca_file,
                                                            .client_certificate = endpoint.client_certificate,
                                                            .client_key = endpoint.client_key,
                                                            .skip_verify = endpoint.skip_verify,
                                                            .realm_hosts = {},
                                                            .deadlines = {.resolve = upstream.resolve_timeout,
                                                                          .connect = upstream.connect_timeout,
                                                                          .tls = upstream.tls_timeout,
                                                                          .first_byte = upstream.first_byte_timeout,
                                                                          .stall = upstream.stall_timeout},
                                                            .health = {},
                                                            .rate_floor = {.percent = upstream.rate_floor_percent}}));
  const auto seed = static_cast<uint64_t>(parts.clock.wall().time_since_epoch().count());
  return std::make_unique<upstream::RegistrySource>(parts, std::move(made), seed);
}

template <class Value>
std::optional<bool> is_value(const Override<Value>& given, Value wanted) {
  return given.value ? std::optional(*given.value == wanted) : std::nullopt;
}

Result<registry::FreshnessRule> rule_of(const RuleConfig& config) {
  LB_TRY(oci::ReferencePattern match, oci::ReferencePattern::parse(config.match));
  return registry::FreshnessRule{
      .match = std::move(match),
      .fresh_for = config.fresh_for.value,
      .max_stale = config.max_stale.value,
      .revalidate_within = config.revalidate_within.value,
      .drops_gone = is_value(config.on_gone, OnGone::drop),
      .serves_on_credential_fault = is_value(config.on_credential_fault, OnCredentialFault::serve),
      .not_found_for = config.not_found_for.value};
}

/// One upstream with its endpoints, in their order. Any thread.
Result<registry::UpstreamHost> make_upstream(Guarded<OwnedHosts::Sources>& owned, const UpstreamConfig& config,
                                             const upstream::RegistrySource::Parts& parts) {
  LB_TRY(const oci::RegistryHost host, oci::RegistryHost::parse(config.host));
  std::vector<upstream::Upstream::Member> members;
  std::vector<upstream::RegistrySource*> endpoints;
  ShownHost shown{.host = host.to_string(), .endpoints = {}};
  for (const EndpointConfig& endpoint : config.endpoints) {
    LB_TRY(auto source, source_of(endpoint, config, parts));
    endpoints.push_back(source.get());
    shown.endpoints.push_back(source.get());
    std::string name = source->endpoint().name();
    members.push_back({std::move(name), std::move(source)});
  }
  std::vector<registry::FreshnessRule> rules;
  for (const RuleConfig& config_rule : config.rules) {
    LB_TRY(registry::FreshnessRule rule, rule_of(config_rule));
    rules.push_back(std::move(rule));
  }
  auto made = std::make_unique<upstream::Upstream>(upstream::Upstream::Parts{parts.clock, parts.log, parts.metrics},
                                                   std::move(members));
  registry::UpstreamHost of_host{
      .host = host,
      .source = made.get(),
      .freshness = {.fresh_for = config.fresh_for,
                    .max_stale = config.max_stale,
                    .revalidate_within = config.revalidate_within,
                    .drops_gone = config.on_gone == OnGone::drop,
                    .serves_on_credential_fault = config.on_credential_fault == OnCredentialFault::serve,
                    .not_found_for = config.not_found_for},
      .rules = std::move(rules),
      .capture = {.is_on = true}};
  owned.with([&](OwnedHosts::Sources& sources) {
    sources.upstreams.push_back(std::move(made));
    sources.endpoints.insert(sources.endpoints.end(), endpoints.begin(), endpoints.end());
    sources.shown.push_back(std::move(shown));
  });
  return of_host;
}

Status add_upstream(OwnedHosts& owned, const UpstreamConfig& config, const upstream::RegistrySource::Parts& parts) {
  LB_TRY(registry::UpstreamHost of_host, make_upstream(owned.sources, config, parts));
  owned.hosts.hosts.push_back(std::move(of_host));
  return {};
}

/// The upstream of the host `*`.
Status add_any_upstream(OwnedHosts& owned, const UpstreamConfig& any, const upstream::RegistrySource::Parts& parts) {
  auto make = [&owned, parts](const UpstreamConfig& config) {
    auto of_host = make_upstream(owned.sources, config, parts);
    parts.breaker_opened.notify_all();  // whoever probes knows them all
    return of_host;
  };
  LB_TRY(owned.on_demand, HostsOnDemand::create(any, std::move(make), parts.log));
  owned.hosts.on_demand = owned.on_demand.get();
  return {};
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
  std::unique_ptr<blob::Store> blobs;
  std::unique_ptr<meta::Store> names;
  registry::ChangeStamps stamps;
  std::unique_ptr<registry::Addressing> addressing;
  std::unique_ptr<registry::ManifestFetches> manifest_fetches;
  std::unique_ptr<registry::BlobFetches> blob_fetches;
  std::unique_ptr<registry::Pull> pull;
  std::unique_ptr<registry::Push> push;
  std::unique_ptr<registry::Capture> capture;
  std::unique_ptr<registry::Freeze> freeze;
  std::unique_ptr<registry::Uploads> uploads;
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
  Result<std::shared_ptr<OwnedHosts>> hosts_of(const Config& wanted);
  /// For the next request, and for probes.
  void adopt(std::shared_ptr<OwnedHosts> fresh);

  /// Those of before a reload while a transfer still uses them, then those of now.
  std::vector<std::shared_ptr<OwnedHosts>> hosts_in_use();

  Guarded<std::vector<std::weak_ptr<OwnedHosts>>> owned_hosts;
};

Node::Node(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Node::~Node() = default;

Result<std::unique_ptr<Node>> Node::build(const Config& config, Log& log) {
  auto parts = std::make_unique<Parts>(config, log);
  LB_CHECK(parts->open_store());
  LB_CHECK(parts->open_upstreams());
  parts->build_use_cases();
  LB_CHECK(parts->listen());
  return std::unique_ptr<Node>(new Node(std::move(parts)));
}

std::string Node::address() const { return parts_->server->address(); }

void Node::run() {
  parts_->server->start();
  if (has_named_upstream(parts_->config)) parts_->client->warm_up();
  parts_->upkeep->spawn(keep_house());
  parts_->upkeep->spawn(keep_probing());
  parts_->upkeep->spawn(parts_->capture->run());
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
  parts_->loops.spawn(0, shut_down());
}

/// Listeners first, then what they started, then the loops: nothing is cut that could still end by itself.
Awaitable<void> Node::shut_down() {
  co_await parts_->server->stop(parts_->clock.now() + parts_->config.server.grace);
  co_await parts_->upkeep->join();
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
    // Answers that were made while the upstream could give the rest of an image are made anew.
    if (parts.freeze->look(*parts.addressing->hosts())) {
      parts.handler->forget_prepared();
      parts.capture->look();
    }
    const SteadyTime now = parts.clock.now();
    SteadyTime next = SteadyTime::max();
    for (const auto& hosts : parts.hosts_in_use()) {
      const auto endpoints = hosts->sources.with([](const auto& sources) { return sources.endpoints; });
      for (upstream::RegistrySource* endpoint : endpoints) {
        const SteadyTime due = endpoint->next_probe();
        if (due > now) {
          next = std::min(next, due);
        } else {
          parts.loops.spawn(0, probe(hosts, *endpoint));  // nobody waits for it: the process may end under it
        }
      }
    }
    co_await parts.breaker_opened.wait(seen, next);
  }
}

Awaitable<void> Node::probe(std::shared_ptr<const void> /*keep_alive*/, upstream::RegistrySource& endpoint) {
  const Call call(parts_->clock.now() + kProbeWithin, "probe");
  co_await endpoint.probe(call);
  parts_->breaker_opened.notify_all();  // what was due behind it has to be looked at again
}

Status Node::reload(const Config& fresh) {
  LB_TRY(auto hosts, parts_->hosts_of(fresh));
  if (parts_->tls) LB_CHECK(parts_->tls->reload());
  parts_->adopt(std::move(hosts));
  parts_->handler->forget_prepared();
  parts_->log.set_options({fresh.log.level, fresh.log.format});
  return {};
}

Result<std::shared_ptr<OwnedHosts>> Node::Parts::hosts_of(const Config& wanted) {
  const upstream::RegistrySource::Parts source_parts{*client, clock, *files, disk, metrics, log, breaker_opened};
  auto owned = std::make_shared<OwnedHosts>();
  for (const UpstreamConfig& one : wanted.upstreams) LB_CHECK(add_upstream(*owned, one, source_parts));
  if (wanted.any_upstream) LB_CHECK(add_any_upstream(*owned, *wanted.any_upstream, source_parts));
  if (wanted.default_upstream) {
    LB_CHECK(add_upstream(*owned, *wanted.default_upstream, source_parts));
    owned->hosts.default_host = {owned->hosts.hosts.back().host, true};
  } else if (!wanted.server.default_host.empty()) {
    LB_TRY(const oci::RegistryHost host, oci::RegistryHost::parse(wanted.server.default_host));
    if (owned->hosts.contains(host)) {
      owned->hosts.default_host = {host, wanted.server.is_default_host_explicit};
    }
  }
  if (const auto& meant = owned->hosts.default_host) {
    owned->sources.with([&](OwnedHosts::Sources& sources) {
      for (ShownHost& shown : sources.shown) shown.is_default = shown.host == meant->host.to_string();
    });
  }
  return owned;
}

void Node::Parts::adopt(std::shared_ptr<OwnedHosts> fresh) {
  addressing->replace_hosts(std::shared_ptr<const registry::UpstreamHosts>(fresh, &fresh->hosts));
  owned_hosts.with([&](auto& all) { all.push_back(fresh); });
  breaker_opened.notify_all();
}

std::vector<std::shared_ptr<OwnedHosts>> Node::Parts::hosts_in_use() {
  std::vector<std::shared_ptr<OwnedHosts>> in_use;
  owned_hosts.with([&](auto& all) {
    std::erase_if(all, [](const auto& hosts) { return hosts.expired(); });
    for (const auto& hosts : all) {
      if (auto kept = hosts.lock()) in_use.push_back(std::move(kept));
    }
  });
  return in_use;
}

Status Node::Parts::open_store() {
  LB_TRY(directory, blob::DataDirectory::open(config.storage.root, *files));
  LB_TRY(blobs, blob::FsStore::open(*directory, *files, {disk, hash}));
  LB_TRY(names, meta::SqliteStore::open(directory->meta() / "lifeboat.db", clock, {.size_max_bytes = 0, .log = &log}));
  return {};
}

Status Node::Parts::open_upstreams() {
  client = sys::make_curl_http_client({.user_agent = "lifeboat/" LIFEBOAT_VERSION}, blocks);
  LB_TRY(auto hosts, hosts_of(config));
  addressing = std::make_unique<registry::Addressing>(*names, nullptr);
  adopt(std::move(hosts));
  return {};
}

void Node::Parts::build_use_cases() {
  manifest_fetches = std::make_unique<registry::ManifestFetches>(*blobs, *names, stamps, clock, loops, log);
  blob_fetches = std::make_unique<registry::BlobFetches>(*blobs, *names, clock, loops, metrics, log);
  pull = std::make_unique<registry::Pull>(*blobs, *names, *addressing, *manifest_fetches, *blob_fetches, clock, metrics,
                                          log);
  push = std::make_unique<registry::Push>(*blobs, *names, stamps);
  capture = std::make_unique<registry::Capture>(
      registry::Capture::Parts{.walk = {*blobs, *names, *manifest_fetches, *blob_fetches, clock},
                               .addressing = *addressing,
                               .pull = *pull,
                               .loops = loops,
                               .metrics = metrics,
                               .log = log},
      registry::CaptureOptions{});
  freeze = std::make_unique<registry::Freeze>(*names, clock, metrics, log);
  const registry::UploadsOptions sessions{.expires_after = config.storage.uploads_expire,
                                          .per_repository_max = config.storage.uploads_per_repository_max,
                                          .open_max = config.storage.uploads_open_max};
  uploads = std::make_unique<registry::Uploads>(sessions, *blobs, *names, clock, metrics, log);
  status = std::make_unique<NodeStatus>(
      NodeStatus::Parts{.clock = clock,
                        .fetches = *blob_fetches,
                        .hosts = [this]() -> NodeStatus::Hosts {
                          const auto in_use = hosts_in_use();
                          if (in_use.empty()) return nullptr;
                          auto shown = in_use.back()->sources.with([](const auto& sources) { return sources.shown; });
                          return std::make_shared<const std::vector<ShownHost>>(std::move(shown));
                        },
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
                                                                          .status = *status,
                                                                          .clock = clock,
                                                                          .metrics = metrics,
                                                                          .log = log,
                                                                          .loops = loops.count()});
  upkeep = std::make_unique<sys::TaskGroup>(loops);
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
