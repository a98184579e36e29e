#pragma once

#include "base/task.h"
#include "base/time.h"

namespace lifeboat::sys {

/// Time as it is handed in, so that a test can drive it. Any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual SteadyTime now() const = 0;
  virtual WallTime wall() const = 0;
  /// Resumes on the coroutine's own executor at `time` or as soon after as it can; at once when it has passed.
  virtual Awaitable<void> sleep_until(SteadyTime time) = 0;
};

/// The clocks of this machine.
class SystemClock final : public Clock {
 public:
  SteadyTime now() const override;
  WallTime wall() const override;
  Awaitable<void> sleep_until(SteadyTime time) override;
};

}  // namespace lifeboat::sys
