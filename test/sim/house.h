#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "blob/memory_store.h"
#include "http/handler.h"
#include "meta/memory_store.h"
#include "registry/addressing.h"
#include "registry/blob_fetch.h"
#include "registry/explain.h"
#include "registry/manifest_fetch.h"
#include "registry/pull.h"
#include "registry/push.h"
#include "registry/upkeep/capture.h"
#include "registry/upkeep/freeze.h"
#include "registry/uploads.h"
#include "sys/clock.h"
#include "sys/event_loops.h"
#include "sys/file_system.h"
#include "sys/metrics.h"
#include "sys/notification.h"
#include "sys/thread_pool.h"
#include "test/sim/sim_registry.h"
#include "upstream/source.h"
#include "upstream/upstream.h"

namespace lifeboat::sim {

/// What outlives a house: its disk.
struct Disk {
  sys::SystemClock clock;
  blob::MemoryStore blobs;
  meta::MemoryStore names{clock};
};

/// The product between HTTP and its stores, put together as server/compose.cc does, on one event loop. Destroyed, it is
/// a process that was killed: whatever still waits goes with it.
class House {
 public:
  House(const SimWorld& world, Disk& disk, sys::HttpClient& network, Log& log, uint64_t seed);
  ~House();
  House(const House&) = delete;
  House& operator=(const House&) = delete;

  http::Handler& handler() { return *handler_; }
  sys::EventLoops& loops() { return loops_; }
  /// Probes what is out of order and completes what was pulled, in the background; call once.
  void start();
  /// Lets what runs end by itself; what was started by start() with it.
  Awaitable<void> stop();

  bool is_breaker_closed(const std::string& endpoint) const;
  /// No breaker of an endpoint lets a request through.
  bool are_all_breakers_open(const SimHost& host) const;
  std::size_t running() const;

 private:
  void build_upstreams(const SimWorld& world, sys::HttpClient& network, Log& log, uint64_t seed);
  Awaitable<void> keep_probing();
  Awaitable<void> keep_capturing();
  void look_at_freeze();
  Awaitable<void> probe(upstream::RegistrySource& endpoint);

  sys::SystemClock clock_;
  sys::Metrics metrics_;
  std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
  sys::ThreadPool pool_{"unused", 1};  ///< of secrets in files, of which there are none here
  sys::Notification breaker_opened_;
  registry::ContentLeases leases_{clock_};
  registry::ChangeStamps stamps_;
  std::vector<std::unique_ptr<upstream::Upstream>> upstreams_;
  std::vector<upstream::RegistrySource*> endpoints_;
  std::unique_ptr<registry::Addressing> addressing_;
  std::unique_ptr<registry::ManifestFetches> manifest_fetches_;
  std::unique_ptr<registry::BlobFetches> blob_fetches_;
  std::unique_ptr<registry::Faults> faults_;
  std::unique_ptr<registry::Pull> pull_;
  std::unique_ptr<registry::Push> push_;
  std::unique_ptr<registry::Capture> capture_;
  std::unique_ptr<registry::Freeze> freeze_;
  std::unique_ptr<registry::Explain> explain_;
  std::unique_ptr<registry::Collector> collector_;
  std::unique_ptr<registry::Retainer> retainer_;
  std::unique_ptr<registry::TagHistory> history_;
  std::unique_ptr<registry::Repairer> repairer_;
  std::unique_ptr<registry::Scrubber> scrubber_;
  std::unique_ptr<registry::Uploads> uploads_;
  class NoStatus final : public http::NodeStatus {
    http::StatusReport report() const override { return {}; }
  };
  NoStatus status_;
  std::unique_ptr<http::Handler> handler_;
  bool is_stopping_ = false;
  std::size_t probes_ = 0;
  sys::EventLoops loops_{1};
};

}  // namespace lifeboat::sim
