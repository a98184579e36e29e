#pragma once

#include <atomic>

#include "sys/clock.h"
#include "sys/notification.h"

namespace lifeboat::test {

/// Time that stands until a test moves it; both clocks go together, unless the wall clock is set. It begins now, so
/// that a deadline made of it is one for waits in real time as well. Any thread.
class ManualClock final : public sys::Clock {
 public:
  SteadyTime now() const override { return began_ + passed(); }
  WallTime wall() const override { return WallTime(Duration(1'700'000'000'000)) + passed() + Duration(set_ms_.load()); }
  Awaitable<void> sleep_until(SteadyTime time) override {
    for (;;) {
      const uint64_t seen = moved_.version();
      if (now() >= time) co_return;
      co_await moved_.wait(seen, SteadyTime::max());
    }
  }

  void advance(Duration by) {
    passed_ms_ += by.count();
    moved_.notify_all();
  }
  /// As somebody sets the clock of a machine.
  void set_wall_by(Duration step) { set_ms_ += step.count(); }

 private:
  Duration passed() const { return Duration(passed_ms_.load()); }

  const SteadyTime began_ = std::chrono::time_point_cast<SteadyTime::duration>(std::chrono::steady_clock::now());
  std::atomic<int64_t> passed_ms_ = 0;
  std::atomic<int64_t> set_ms_ = 0;
  sys::Notification moved_;
};

}  // namespace lifeboat::test
