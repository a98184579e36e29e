#pragma once

#include "base/time.h"

namespace lifeboat::sim {

/// While one lives, time in this process is its own: it stands still while there is something to do and jumps when the
/// event loop would sleep. A minute of the simulation so takes as long as what happens in it, and the same run sees the
/// same time to the millisecond. The product is not touched: this executable defines clock_gettime and epoll_wait
/// itself. One at a time, and one thread.
class VirtualTime {
 public:
  VirtualTime();
  ~VirtualTime();
  VirtualTime(const VirtualTime&) = delete;
  VirtualTime& operator=(const VirtualTime&) = delete;

  /// Since it was made.
  Duration elapsed() const;
};

}  // namespace lifeboat::sim
