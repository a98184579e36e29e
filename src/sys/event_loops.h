#pragma once

#include <functional>
#include <memory>

#include "base/task.h"

namespace lifeboat::sys {

/// One event loop per thread. Coroutines stay on the loop they were spawned on.
class EventLoops {
 public:
  explicit EventLoops(unsigned count);
  ~EventLoops();
  EventLoops(const EventLoops&) = delete;
  EventLoops& operator=(const EventLoops&) = delete;

  unsigned count() const;
  /// Runs all loops, one of them on this thread, until stop() — and until nothing is left to do on them.
  void run();
  /// Ends run() at once; coroutines that still wait are destroyed with this object. Any thread.
  void stop();

  /// Starts `work` on the loop `index`. Any thread. Owners use TaskGroup, which can be joined.
  void spawn(unsigned index, Awaitable<void> work);
  /// Calls `work` on the loop `index`, soon.
  void post(unsigned index, std::function<void()> work);

  /// The io_context behind a loop, for the .cc files of sys/ alone.
  struct Native;
  Native& native(unsigned index);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Background coroutines of one owner: counted, and waited for before the owner goes.
class TaskGroup {
 public:
  explicit TaskGroup(EventLoops& loops);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Starts `work` on the next loop in turn. Any thread. False once join() has begun: `work` is not started.
  bool spawn(Awaitable<void> work);
  /// Refuses new work and returns when all has ended. The loops must still run.
  Awaitable<void> join();
  std::size_t running() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace lifeboat::sys
