#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "base/time.h"
#include "sys/clock.h"

namespace lifeboat::upstream {

/// How many further attempts there may be, so that what fails is not hammered by those who try again. Finagle's retry
/// budget (also linkerd's and tower's): a share of the requests of the last ten seconds, and a few in any case; what is
/// not used expires with them. Not Envoy's, which bounds what is under way at one moment, nor gRPC's, which stops all
/// at a number of failures. Finagle gives a hundred in any case; a registry is asked far less often than a service.
struct RetryBudgetOptions {
  uint64_t percent = 20;  ///< of the requests in the window
  uint64_t least = 10;    ///< in a window, also without requests
};

/// The counter of further attempts that draw on a budget, by the endpoint that is asked.
inline constexpr std::string_view kRetriesName = "lifeboat_upstream_retries_total";
inline constexpr std::string_view kRetriesHelp =
    "Further attempts that draw on a retry budget, by the endpoint they go to and by whether the budget allowed them.";

/// The arithmetic alone.
class RetryWindow {
 public:
  explicit RetryWindow(RetryBudgetOptions options) : options_(options) {}

  void note_request(SteadyTime now);
  /// True when one more attempt may be made; it is counted.
  bool take(SteadyTime now);
  /// The attempt that was just taken was not made.
  void give_back(SteadyTime now);

 private:
  static constexpr std::size_t kSlots = 10;
  static constexpr Duration kSlot{std::chrono::seconds(1)};
  struct Slot {
    int64_t number = -1;  ///< since the clock's beginning
    uint64_t requests = 0;
    uint64_t taken = 0;
  };
  Slot& slot_of(SteadyTime now);

  const RetryBudgetOptions options_;
  std::array<Slot, kSlots> slots_;
};

/// The same for many threads.
class RetryBudget {
 public:
  explicit RetryBudget(sys::Clock& clock, RetryBudgetOptions options = {}) : clock_(clock), window_(options) {}
  void note_request();
  bool take();
  void give_back();

 private:
  sys::Clock& clock_;
  std::mutex mu_;
  RetryWindow window_;  ///< guarded by mu_
};

}  // namespace lifeboat::upstream
