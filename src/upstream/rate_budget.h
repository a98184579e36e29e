#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "base/log.h"
#include "sys/clock.h"
#include "sys/metrics.h"
#include "upstream/rate_limit.h"

namespace lifeboat::upstream {

/// What is known of one endpoint's rate limit, from its own answers. It is believed until the window begins anew; then
/// nothing is known. Becoming short, and its end, are each logged once. Any thread.
class RateBudget {
 public:
  struct Parts {
    sys::Clock& clock;
    Log& log;
    sys::Metrics& metrics;
  };
  /// `name`: the endpoint in logs and the label of the gauges, which exist once something is known.
  RateBudget(Parts parts, std::string name, RateFloor floor);

  /// From the fields of an answer of the endpoint itself.
  void learn(const sys::HttpFields& fields);
  /// So little is left that it should be kept for what is needed.
  bool is_short();
  /// Nothing: never told, or told of a window that is over.
  std::optional<RateLimit> known() const;

 private:
  bool is_over(SteadyTime now) const;  ///< mu_ is held
  void note(bool is_short_now);        ///< mu_ is held

  // constant after construction
  const Parts parts_;
  const std::string name_;
  const RateFloor floor_;

  // guarded by mu_
  mutable std::mutex mu_;
  std::optional<RateLimit> rate_;
  SteadyTime until_{};
  bool was_short_ = false;
};

}  // namespace lifeboat::upstream
