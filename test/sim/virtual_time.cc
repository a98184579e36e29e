#include "test/sim/virtual_time.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"

namespace lifeboat::sim {
namespace {

constexpr int64_t kMillisecond = 1'000'000;
/// 2026-01-31 12:00:00 UTC, and a machine that was up for some hours.
constexpr int64_t kWallStartS = 1'769'860'800;
constexpr int64_t kSteadyStartS = 10'000;
/// Looks at the loop's descriptors without any time passing: more is a wait that spins.
constexpr int kLooksMax = 2'000'000;

bool is_virtual = false;
int64_t elapsed_ns = 0;
int looks = 0;

}  // namespace

VirtualTime::VirtualTime() {
  LB_ASSERT(!is_virtual);
  is_virtual = true;
  elapsed_ns = 0;
  looks = 0;
}
VirtualTime::~VirtualTime() { is_virtual = false; }

Duration VirtualTime::elapsed() const { return Duration(elapsed_ns / kMillisecond); }

}  // namespace lifeboat::sim

// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): glibc's own parameter names are reserved
extern "C" {

/// What std::chrono's clocks read.
int clock_gettime(clockid_t id, timespec* out) noexcept {
  using namespace lifeboat::sim;
  if (!is_virtual || (id != CLOCK_MONOTONIC && id != CLOCK_REALTIME)) {
    return static_cast<int>(syscall(SYS_clock_gettime, id, out));
  }
  const int64_t start_s = id == CLOCK_MONOTONIC ? kSteadyStartS : kWallStartS;
  out->tv_sec = start_s + elapsed_ns / 1'000'000'000;
  out->tv_nsec = elapsed_ns % 1'000'000'000;
  return 0;
}

/// Asio without timer descriptors tells epoll_wait how long until its next timer, and looks at its timers behind it.
int timerfd_create(clockid_t, int) noexcept {
  errno = ENOSYS;
  return -1;
}

/// Where an event loop sleeps: here is where time passes.
int epoll_wait(int epoll, epoll_event* events, int events_max, int timeout_ms) {
  using namespace lifeboat::sim;
  const auto look = [&](int within_ms) {
    return static_cast<int>(syscall(SYS_epoll_pwait, epoll, events, events_max, within_ms, nullptr, 8));
  };
  if (!is_virtual) return look(timeout_ms);
  const int ready = look(0);
  if (ready != 0 || timeout_ms == 0) {
    LB_ASSERT(++looks < kLooksMax);
    return ready;
  }
  LB_ASSERT(timeout_ms > 0);
  looks = 0;
  elapsed_ns += timeout_ms * kMillisecond - elapsed_ns % kMillisecond;
  return 0;
}

}  // extern "C"
// NOLINTEND(readability-inconsistent-declaration-parameter-name)
