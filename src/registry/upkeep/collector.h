#pragma once

#include <atomic>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/task.h"
#include "registry/upkeep/sweep.h"
#include "sys/clock.h"
#include "sys/event_loops.h"
#include "sys/metrics.h"
#include "sys/notification.h"

namespace lifeboat::registry {

struct CollectorOptions {
  Duration grace{std::chrono::hours(24)};  ///< what was added or relied on within it stays
  Duration every{std::chrono::hours(1)};   ///< 0: only when asked to
};

/// When the last pass was, and what it did.
struct CollectState {
  uint64_t number = 0;  ///< of the pass, since the start; 0: there was none
  bool is_running = false;
  bool is_dry_run = false;
  WallTime started{};
  std::optional<WallTime> ended{};
  std::optional<Error> failure{};
  SweepReport report{};
};

/// Removes what nothing needs (sweep.h), from time to time and on request, one pass at a time. Any thread.
///
/// Ages are told by the wall clock, and that may be set. A pass never takes more time for gone than has gone by since
/// the start; and when the wall clock was set by more than ten minutes, there is no pass until the grace has gone by:
/// then all that was touched before is older than that, whatever the clock said.
class Collector {
 public:
  struct Parts {
    blob::Store& blobs;
    blob::Inventory& inventory;
    meta::Store& names;
    ContentLeases& leases;
    ChangeStamps& stamps;
    std::function<bool(const oci::RegistryHost&)> is_frozen;
    sys::Clock& clock;
    sys::EventLoops& loops;
    sys::Metrics& metrics;
    Log& log;
  };
  Collector(Parts parts, CollectorOptions options);

  /// Until stop().
  Awaitable<void> run();
  /// Begins a pass now, in the background, and gives its number. conflict: one is under way; cancelled: stop() was;
  /// unavailable: the clock was set.
  Result<uint64_t> begin(Sweep::DryRun dry_run);
  CollectState state() const;
  /// One pass. The errors of Sweep::run and begin.
  Task<SweepReport> collect(Sweep::DryRun dry_run);
  /// Passes end at their next step.
  void stop();
  Awaitable<void> join() { co_await tasks_.join(); }

 private:
  struct Current {
    CollectState state;
    std::shared_ptr<const Sweep> sweep;  ///< while it runs
  };
  /// Both clocks at one moment, and until when there is no pass.
  struct Anchor {
    WallTime wall;
    SteadyTime steady;
    SteadyTime closed_until;
  };
  Result<WallTime> trusted_now();
  Result<std::shared_ptr<Sweep>> enter(Sweep::DryRun dry_run);
  Task<SweepReport> carry_out(std::shared_ptr<Sweep> sweep);
  Awaitable<void> carry_out_alone(std::shared_ptr<Sweep> sweep);
  void tell(const CollectState& ended);

  const Parts parts_;
  const CollectorOptions options_;
  sys::Counter& removed_contents_;
  sys::Counter& removed_bytes_;
  sys::Counter& removed_links_;
  sys::Gauge& last_success_;
  std::atomic<bool> is_stopping_ = false;
  sys::Notification stop_asked_;
  Guarded<Current> current_;
  Guarded<Anchor> anchor_;
  sys::TaskGroup tasks_;
};

}  // namespace lifeboat::registry
