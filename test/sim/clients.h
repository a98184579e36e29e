#pragma once

#include <cstddef>
#include <string>

#include "base/task.h"
#include "sys/clock.h"
#include "test/sim/house.h"
#include "test/sim/promises.h"
#include "test/sim/random.h"
#include "test/sim/sim_exchange.h"

namespace lifeboat::sim {

/// Those who pull: as container runtimes do, again and again, some slowly, some in crowds, some leave. Every answer is
/// compared with the promises. One per house; what it spawned ends before it does, or with the house's loops.
class Clients {
 public:
  Clients(const SimWorld& world, House& house, Promises& promises, Report& report, Random random);

  /// Some clients that come and go until `until`, and crowds.
  void start(Duration until);
  std::size_t running() const { return running_; }
  Awaitable<void> wait_until_all_left();

  /// Asks once for everything that is owed: each HEAD and GET.
  Awaitable<void> ask_for_all_that_is_owed();
  /// Behind the time in which everything must have recovered: each tag is fresh and can be pulled.
  Awaitable<void> ask_for_fresh_tags();

 private:
  struct Visit;
  Awaitable<void> live(std::string name, Duration until, Random random);
  Awaitable<void> crowd(Duration at, std::size_t count, Random random);
  Awaitable<void> pull_once(std::string name, const SimHost& host, const SimRepository& repository, std::string tag,
                            Random random);
  Awaitable<void> do_something(const std::string& name, Random& random);
  /// True when all of it came.
  Awaitable<bool> pull(std::string name, Question question, Random& random);
  Awaitable<bool> pull_manifest(std::string name, Question question, std::string digest, Random& random);
  Awaitable<bool> pull_blob(std::string name, Question question, Random& random);
  Awaitable<SimReply> ask(std::string name, Question question, SimReader reader, bool is_by_path);
  Awaitable<void> ask_for_fresh_tag(const SimHost& host, const SimRepository& repository, const SimTag& tag);
  Question draw_question(Random& random) const;

  const SimWorld& world_;
  House& house_;
  Promises& promises_;
  Report& report_;
  sys::SystemClock clock_;
  sys::Notification left_;
  Random random_;
  std::size_t running_ = 0;
};

}  // namespace lifeboat::sim
