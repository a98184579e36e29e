#include "registry/upkeep/collector.h"

#include <algorithm>

namespace lifeboat::registry {
namespace {

/// After a start there is other work; and a process that is restarted every few minutes still collects some day.
constexpr Duration kFirstAfter{std::chrono::minutes(5)};
/// A pass has no deadline of its own; this one is for a disk that hangs.
constexpr Duration kPassWithin{std::chrono::hours(6)};

sys::Counter& runs(sys::Metrics& metrics, std::string_view result) {
  return metrics.counter("lifeboat_gc_runs_total", "Passes of the collector, by how they ended.", {{"result", result}});
}

std::string_view result_of(const CollectState& ended) {
  if (!ended.failure) return "ok";
  return ended.failure->code() == ErrorCode::corrupt ? "refused" : "failed";
}

}  // namespace

Collector::Collector(Parts parts, CollectorOptions options)
    : parts_(std::move(parts)),
      options_(options),
      removed_contents_(parts_.metrics.counter("lifeboat_gc_removed_contents_total",
                                               "Blobs and manifests whose bytes the collector removed.")),
      removed_bytes_(parts_.metrics.counter("lifeboat_gc_removed_bytes_total", "Bytes the collector removed.")),
      removed_links_(parts_.metrics.counter("lifeboat_gc_removed_links_total",
                                            "Links of repositories to blobs that the collector removed.")),
      last_success_(parts_.metrics.gauge("lifeboat_gc_last_success_timestamp_seconds",
                                         "When the collector last came to its end; 0 before that.")),
      time_(parts_.clock, options_.grace),
      tasks_(parts_.loops) {
  // From the start, so that an alert sees the first refusal as a change.
  for (const std::string_view result : {"ok", "refused", "failed"}) runs(parts_.metrics, result);
}

CollectState Collector::state() const {
  return current_.with([](const Current& current) {
    CollectState state = current.state;
    if (current.sweep) state.report = current.sweep->report();
    return state;
  });
}

Result<std::shared_ptr<Sweep>> Collector::enter(Sweep::DryRun dry_run) {
  const TrustedTime::Reading time = time_.read("collect");
  if (time.set_by != Duration(0)) {
    parts_.log.error("gc.clock_was_set", {{"by_s", time.set_by / std::chrono::seconds(1)}});
  }
  LB_TRY(const WallTime now, time.now);
  return enter(Sweep::Order{.before = now - options_.grace, .dry_run = dry_run, .is_stopping = {}});
}

Result<std::shared_ptr<Sweep>> Collector::enter(Sweep::Order order) {
  if (is_stopping_) return fail(ErrorCode::cancelled, "cannot collect: the server is stopping");
  order.is_stopping = [this] { return is_stopping_.load(); };
  const Sweep::DryRun dry_run = order.dry_run;
  const Sweep::Extent extent = order.extent;
  auto sweep = std::make_shared<Sweep>(parts_.sweep, std::move(order));
  const bool is_free = current_.with([&](Current& current) {
    if (current.state.is_running) return false;
    current.state = {.number = current.state.number + 1,
                     .is_running = true,
                     .is_dry_run = dry_run == Sweep::DryRun::yes,
                     .started = parts_.clock.wall()};
    current.sweep = sweep;
    current.extent = extent;
    return true;
  });
  if (!is_free) return fail(ErrorCode::conflict, "cannot collect: a collection is under way already");
  return sweep;
}

Task<SweepReport> Collector::carry_out(std::shared_ptr<Sweep> sweep) {
  const Call call(parts_.clock.now() + kPassWithin, "gc");
  Status done = co_await sweep->run(call);
  Sweep::Extent extent = Sweep::Extent::all;
  const CollectState ended = current_.with([&](Current& current) {
    current.sweep.reset();
    extent = current.extent;
    current.state.is_running = false;
    current.state.ended = parts_.clock.wall();
    current.state.report = sweep->report();
    if (!done) current.state.failure = done.error();
    return current.state;
  });
  tell(ended, extent);
  if (!done) co_return std::unexpected(std::move(done).error());
  co_return ended.report;
}

void Collector::tell(const CollectState& ended, Sweep::Extent extent) {
  const SweepReport& report = ended.report;
  const std::string_view result = result_of(ended);
  if (!ended.is_dry_run) {
    // A pass over a part that went well says nothing of the whole.
    const bool is_told = extent == Sweep::Extent::all || ended.failure;
    if (is_told) runs(parts_.metrics, result).add();
    removed_contents_.add(static_cast<double>(report.contents));
    removed_bytes_.add(static_cast<double>(report.bytes));
    removed_links_.add(static_cast<double>(report.links));
    if (!ended.failure && extent == Sweep::Extent::all) {
      last_success_.set(static_cast<double>(ended.ended.value_or(WallTime()).time_since_epoch().count()) / 1000);
    }
  }
  if (report.restored > 0) parts_.log.warning("gc.records_restored", {{"manifests", report.restored}});
  if (report.lost > 0) parts_.log.warning("gc.lost_content", {{"contents", report.lost}});
  if (ended.failure && ended.failure->code() != ErrorCode::cancelled) {
    parts_.log.error("gc.failed", {{"reason", ended.failure->message()}});
  } else if (!ended.is_dry_run && (report.links > 0 || report.contents > 0 || report.failures > 0)) {
    parts_.log.info("gc.done", {{"links", report.links},
                                {"contents", report.contents},
                                {"bytes", report.bytes},
                                {"in_use", report.in_use},
                                {"failures", report.failures}});
  }
}

Awaitable<void> Collector::carry_out_alone(std::shared_ptr<Sweep> sweep) { (void)co_await carry_out(std::move(sweep)); }

Result<uint64_t> Collector::begin(Sweep::DryRun dry_run) {
  LB_TRY(auto sweep, enter(dry_run));
  const uint64_t number = state().number;
  if (tasks_.spawn(carry_out_alone(std::move(sweep)))) return number;
  current_.with([](Current& current) {
    current.sweep.reset();
    current.state.is_running = false;
  });
  return fail(ErrorCode::cancelled, "cannot collect: the server is stopping");
}

Task<SweepReport> Collector::collect(Sweep::DryRun dry_run) {
  LB_CO_TRY(auto sweep, enter(dry_run));
  co_return co_await carry_out(std::move(sweep));
}

Task<SweepReport> Collector::collect_evicted() {
  LB_CO_TRY(auto sweep, enter(Sweep::Order{.extent = Sweep::Extent::evicted, .is_stopping = {}}));
  co_return co_await carry_out(std::move(sweep));
}

Awaitable<void> Collector::run() {
  if (options_.every == Duration(0)) co_return;
  SteadyTime next = parts_.clock.now() + std::min(kFirstAfter, options_.every);
  while (!is_stopping_) {
    const uint64_t seen = stop_asked_.version();
    if (is_stopping_) co_return;
    const bool is_asked = co_await stop_asked_.wait(seen, next);
    if (is_asked) continue;
    (void)co_await collect(Sweep::DryRun::no);
    next = parts_.clock.now() + options_.every;
  }
}

void Collector::stop() {
  is_stopping_ = true;
  stop_asked_.notify_all();
}

}  // namespace lifeboat::registry
