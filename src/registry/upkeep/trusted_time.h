#pragma once

#include "base/error.h"
#include "base/guarded.h"
#include "base/time.h"
#include "sys/clock.h"

namespace lifeboat::registry {

/// The wall clock for who removes what is old: it may be set, and then everything is old. Time never counts for more
/// than has gone by since the start; and when the wall clock was set by more than ten minutes, there is none until the
/// grace has gone by: then all that was touched before is older than that, whatever the clock said. What was wrong when
/// the process started, it cannot know. Any thread.
class TrustedTime {
 public:
  TrustedTime(const sys::Clock& clock, Duration grace);

  struct Reading {
    Result<WallTime> now;  ///< unavailable: the clock was set
    Duration set_by{0};    ///< that was found just now; 0: it was not
  };
  /// `what` is to be done, for the error: "collect".
  Reading read(std::string_view what);

 private:
  /// Both clocks at one moment, and until when there is no time.
  struct Anchor {
    WallTime wall;
    SteadyTime steady;
    SteadyTime closed_until;
  };
  const sys::Clock& clock_;
  const Duration grace_;
  Guarded<Anchor> anchor_;
};

}  // namespace lifeboat::registry
