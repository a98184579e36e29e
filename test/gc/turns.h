#pragma once

#include <memory>
#include <vector>

#include "base/task.h"
#include "sys/event_loops.h"
#include "sys/notification.h"
#include "test/sim/random.h"

namespace lifeboat::gc {

/// Who may take the next step is drawn: everyone waits here before and behind every operation on the disk and on the
/// names, one of them is let go, and runs until it waits again. One thread, so that a seed is a history.
class Turns {
 public:
  Turns(sys::EventLoops& loops, sim::Random& random) : loops_(loops), random_(random) {}

  Awaitable<void> wait() {
    const auto ticket = std::make_shared<sys::Notification>();
    const uint64_t seen = ticket->version();
    waiting_.push_back(ticket);
    co_await ticket->wait(seen, SteadyTime::max());
  }
  bool has_waiting() const { return !waiting_.empty(); }
  /// Lets one go and returns when it, and whoever it woke, waits again or has ended.
  Awaitable<void> let_one_go() {
    if (waiting_.empty()) co_return;
    const std::size_t chosen = random_.between(0, waiting_.size() - 1);
    const auto ticket = waiting_[chosen];
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(chosen));
    ticket->notify_all();
    co_await settle();
  }
  /// Everything that can run has run: each round lets the queue of the loop go round once.
  Awaitable<void> settle() {
    constexpr int kRounds = 12;  // the longest chain of wake-ups between two operations has four
    for (int i = 0; i < kRounds; ++i) {
      sys::Notification turned;
      const uint64_t seen = turned.version();
      loops_.post(0, [&turned] { turned.notify_all(); });
      co_await turned.wait(seen, SteadyTime::max());
    }
  }

 private:
  sys::EventLoops& loops_;
  sim::Random& random_;
  std::vector<std::shared_ptr<sys::Notification>> waiting_;
};

}  // namespace lifeboat::gc
