#pragma once

#include <atomic>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/task.h"
#include "registry/upkeep/sweep.h"
#include "registry/upkeep/trusted_time.h"
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

/// Removes what nothing needs (sweep.h), from time to time and on request, one pass at a time; none for the grace after
/// the clock was set (trusted_time.h). Any thread.
class Collector {
 public:
  struct Parts {
    Sweep::Parts sweep;
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
  /// A pass that only gives the bytes of what was evicted back to the disk. It goes by no time, so it may run also when
  /// the clock was set.
  Task<SweepReport> collect_evicted();
  /// Passes end at their next step.
  void stop();
  Awaitable<void> join() { co_await tasks_.join(); }

 private:
  struct Current {
    CollectState state;
    std::shared_ptr<const Sweep> sweep;  ///< while it runs
    Sweep::Extent extent = Sweep::Extent::all;
  };
  Result<std::shared_ptr<Sweep>> enter(Sweep::DryRun dry_run);
  Result<std::shared_ptr<Sweep>> enter(Sweep::Order order);
  Task<SweepReport> carry_out(std::shared_ptr<Sweep> sweep);
  Awaitable<void> carry_out_alone(std::shared_ptr<Sweep> sweep);
  void tell(const CollectState& ended, Sweep::Extent extent);

  const Parts parts_;
  const CollectorOptions options_;
  sys::Counter& removed_contents_;
  sys::Counter& removed_bytes_;
  sys::Counter& removed_links_;
  sys::Gauge& last_success_;
  std::atomic<bool> is_stopping_ = false;
  sys::Notification stop_asked_;
  Guarded<Current> current_;
  TrustedTime time_;
  sys::TaskGroup tasks_;
};

}  // namespace lifeboat::registry
