#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.h"
#include "sys/clock.h"
#include "sys/metrics.h"
#include "sys/notification.h"

namespace lifeboat::upstream {

/// What is known of the login to one endpoint.
struct CredentialState {
  enum class Verdict {
    none,         ///< not tried: there is no login, or not yet
    works,        ///< it was accepted
    rejected,     ///< it was refused, or is not where it should be
    cannot_tell,  ///< who would say so cannot be asked, or asks nobody for a login
  };
  Verdict verdict = Verdict::none;
  WallTime checked{};
  std::optional<WallTime> expires{};  ///< when the secret itself tells
  std::string reason{};
};
std::string_view to_string(CredentialState::Verdict verdict);

/// When to try the login of one endpoint again, and what came of it: gauges, and one line of log per change. Any
/// thread.
class CredentialCheck {
 public:
  struct Parts {
    sys::Clock& clock;
    Log& log;
    sys::Metrics& metrics;
    sys::Notification& due;  ///< told when a check is due sooner than was said
  };
  /// `every`: 0 for never. The first is due at once; the pauses are jittered by a tenth, from `seed`.
  CredentialCheck(Parts parts, std::string name, Duration every, uint64_t seed);

  /// Max: none is due, or one is under way.
  SteadyTime next() const;
  /// True when one is due: it is begun, and end() or abandon() follows.
  bool begin();
  void end(CredentialState state);
  void abandon();
  /// A request found out something that a check would: when it says otherwise than the last one, the next is due now,
  /// but not before five seconds have passed since. When that check says the same as before, no request is listened to
  /// before the next one: a login that is tried too often is locked. Where checks are switched off, requests are all
  /// there is to know.
  void doubt(bool was_accepted);
  CredentialState state() const;

 private:
  void learn(CredentialState state);        ///< mu_ is held
  void show(const CredentialState& state);  ///< mu_ is held
  Duration jittered();                      ///< mu_ is held

  // constant after construction
  const Parts parts_;
  const std::string name_;
  const Duration every_;

  // guarded by mu_
  mutable std::mutex mu_;
  CredentialState state_;
  bool is_running_ = false;
  bool is_expiry_shown_ = false;
  bool is_early_ = false;      ///< the next check is due because of a request
  bool is_confirmed_ = false;  ///< by a check that was due because of a request
  SteadyTime next_{};
  SteadyTime ended_{};
  uint64_t random_;
};

}  // namespace lifeboat::upstream
