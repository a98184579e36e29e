#include "test/sim/simulation.h"

#include <memory>

#include "test/sim/clients.h"
#include "test/sim/house.h"
#include "test/sim/network_watch.h"
#include "test/sim/promises.h"
#include "test/sim/random.h"
#include "test/sim/report.h"
#include "test/sim/sim_network.h"
#include "test/sim/virtual_time.h"

namespace lifeboat::sim {
namespace {

using std::chrono::seconds;

/// A breaker's longest pause, the probe that hangs in it, the longest Retry-After; fresh_for comes on top.
constexpr Duration kRecoverWithin = seconds(30) + seconds(5) + seconds(20) + seconds(5);
/// What runs when everybody has left ends by itself within this.
constexpr Duration kDrainWithin = std::chrono::minutes(10);

class Simulation {
 public:
  Simulation(const WorldOptions& options, bool keeps_trace)
      : random_(options.seed),
        world_(SimWorld::draw(options)),
        report_(time_, keeps_trace),
        watch_(report_),
        network_(world_, watch_, report_, random_.between(2, 16)),
        promises_(watch_, report_),
        log_({.level = keeps_trace ? LogLevel::debug : LogLevel::error}) {}

  Outcome run() {
    describe();
    const bool is_killed = random_.has_chance(60);
    open_house();
    house_->loops().spawn(0, first_life(is_killed));
    close_house();
    sessions_left_ = sessions();
    report_.note(is_killed ? "the process was killed; it starts again" : "the process starts again");
    open_house();
    house_->loops().spawn(0, second_life());
    close_house();
    check_that_nothing_is_left();
    return {.faults = report_.faults(),
            .trace = report_.trace(),
            .hash = report_.hash(),
            .counts = report_.counts(),
            .took = time_.elapsed()};
  }

 private:
  void open_house() {
    house_ = std::make_unique<House>(world_, disk_, network_, log_, random_.next());
    watch_.is_breaker_closed = [this](const std::string& endpoint) { return house_->is_breaker_closed(endpoint); };
    clients_ = std::make_unique<Clients>(world_, *house_, promises_, report_, random_.fork());
    watch_.begin_life();
    house_->start();
  }

  /// Runs it to its end. What still waits is destroyed with the house, before the clients.
  void close_house() {
    house_->loops().run();
    house_.reset();
    clients_.reset();
    if (watch_.running() > 0) report_.fault("a request to an upstream has outlived the process");
  }

  Awaitable<void> sleep_until(Duration time) { co_await clock_.sleep_until(clock_.now() + (time - report_.now())); }

  Awaitable<void> first_life(bool is_killed) {
    clients_->start(is_killed ? world_.dark_until : world_.busy_until);
    const Duration dark = world_.dark_until - world_.busy_until;
    co_await sleep_until(world_.busy_until + random_.between(seconds(1), dark / 2));
    report_.note("all upstreams are dead or lie: everything that is owed is asked for");
    co_await clients_->ask_for_all_that_is_owed();
    if (!is_killed) {
      co_await clients_->wait_until_all_left();
      co_await house_->stop();
    }
    house_->loops().stop();
  }

  Awaitable<void> second_life() {
    report_.note("after the restart everything that is owed is asked for");
    co_await clients_->ask_for_all_that_is_owed();
    clients_->start(world_.dark_until + seconds(20));
    Duration fresh_for{};
    for (const SimHost& host : world_.hosts) fresh_for = std::max(fresh_for, host.fresh_for);
    co_await sleep_until(world_.dark_until + kRecoverWithin + fresh_for);
    co_await clients_->wait_until_all_left();
    report_.note("all upstreams are well: every tag must be fresh");
    co_await clients_->ask_for_fresh_tags();
    const Duration drained_by = report_.now() + kDrainWithin;
    co_await house_->stop();
    if (report_.now() > drained_by) report_.fault("what ran when all had left did not end in ten minutes");
    if (house_->running() > 0) report_.fault("a fetch or a probe runs on after the stop");
    house_->loops().stop();
  }

  void check_that_nothing_is_left() {
    if (network_.blocks_in_use() > 0) report_.fault("a block of memory of the network was not given back");
    if (sessions() > sessions_left_) report_.fault("a fetch that ended has left its session in the store");
  }

  /// Fetches that were cut off by a kill leave theirs.
  std::size_t sessions() {
    std::size_t count = 0;
    sys::EventLoops loops(1);
    loops.spawn(0, count_sessions(count, loops));
    loops.run();
    return count;
  }
  Awaitable<void> count_sessions(std::size_t& count, sys::EventLoops& loops) {
    const Call call(clock_.now() + seconds(1), "count");
    const auto sessions = co_await disk_.blobs.sessions(call);
    count = sessions ? sessions->size() : SIZE_MAX;
    loops.stop();
  }

  void describe() {
    report_.note("busy until " + to_text(world_.busy_until) + ", dark until " + to_text(world_.dark_until));
    for (const SimHost& host : world_.hosts) {
      report_.note(host.name + ": fresh for " + to_text(host.fresh_for) + (host.captures ? ", captures" : "") +
                   (host.drops_gone ? ", drops what is gone" : "") +
                   (host.serves_on_credential_fault ? "" : ", refuses on a credential fault"));
      for (const SimEndpoint& endpoint : host.endpoints) {
        std::string line = "  " + endpoint.name + ":";
        for (const Schedule::Span& span : endpoint.registry.spans()) {
          line += " " + std::string(to_string(span.fault)) + to_text(span.begin) + " …" + to_text(span.end) + ",";
        }
        report_.note(line);
      }
      for (const SimRepository& repository : host.repositories) {
        for (const SimTag& tag : repository.tags) {
          std::string line = "  " + repository.name + ":" + tag.name;
          for (const auto& version : tag.versions)
            line += " " + brief(version.digest) + " since" + to_text(version.since);
          if (tag.removed) line += ", removed at" + to_text(*tag.removed);
          report_.note(line);
        }
      }
    }
  }

  VirtualTime time_;
  Random random_;
  const SimWorld world_;
  sys::SystemClock clock_;
  Report report_;
  NetworkWatch watch_;
  SimNetwork network_;
  Promises promises_;
  Log log_;
  Disk disk_;
  std::size_t sessions_left_ = 0;
  std::unique_ptr<Clients> clients_;
  std::unique_ptr<House> house_;
};

}  // namespace

Outcome simulate(const WorldOptions& options, bool keeps_trace) {
  Simulation simulation(options, keeps_trace);
  return simulation.run();
}

}  // namespace lifeboat::sim
