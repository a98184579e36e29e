#pragma once

#include <cstdint>
#include <memory>

#include "base/task.h"
#include "base/time.h"

namespace lifeboat::sys {

/// "Something has changed": coroutines on any loop wait for it, any thread says it. The version makes sure that what is
/// said between a look at the state and the wait is not missed:
///
///   const uint64_t seen = changed.version();
///   if (!state.is_ready()) co_await changed.wait(seen, deadline);
class Notification {
 public:
  Notification();
  ~Notification();
  Notification(const Notification&) = delete;
  Notification& operator=(const Notification&) = delete;

  uint64_t version() const;
  /// Wakes all who wait. Any thread; does not block, runs no waiter's code itself.
  void notify_all();
  /// True once version() is no longer `seen`; false when `deadline` came first. Resumes on the coroutine's own
  /// executor. The Notification must live until then.
  Awaitable<bool> wait(uint64_t seen, SteadyTime deadline);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lifeboat::sys
