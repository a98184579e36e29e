#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "base/time.h"
#include "sys/clock.h"
#include "sys/metrics.h"

namespace lifeboat::upstream {

struct HealthOptions {
  int failures_max = 3;  ///< consecutive outages that open the breaker
  Duration pause_min{std::chrono::seconds(1)};
  Duration pause_max{std::chrono::seconds(30)};
};

/// The breaker of one endpoint: closed (asked) → open (not asked for a pause) → half_open (one probe is let through) →
/// closed, or open for twice as long. Pauses grow to a cap and are jittered, so that a fleet does not come back as one.
/// A rate limit is a pause too, without being a fault. Any thread.
class Health {
 public:
  enum class State { closed, half_open, open };

  /// Leave to ask once. Destroyed without a report (the asker went away), it counts for nothing.
  class Permit {
   public:
    Permit(Permit&& other) noexcept;
    Permit& operator=(Permit&&) = delete;
    ~Permit();
    /// The endpoint answered, whatever it said.
    void report_answer();
    void report_outage(std::string_view reason);
    /// Not to be asked before the pause has passed.
    void report_too_many(Duration pause);

   private:
    friend class Health;
    Permit(Health& health, bool is_probe) : health_(&health), is_probe_(is_probe) {}
    Health* health_;
    bool is_probe_;
  };

  struct Parts {
    sys::Clock& clock;
    Log& log;
    sys::Metrics& metrics;
  };
  /// `name`: the endpoint in logs and the label of the gauge. `seed`: of the jitter.
  Health(Parts parts, std::string name, HealthOptions options, uint64_t seed);
  Health(const Health&) = delete;
  Health& operator=(const Health&) = delete;

  /// unavailable: the breaker is open; too_many: a rate limit has not passed. Costs no I/O.
  Result<Permit> admit();
  /// A body broke off after its head was taken as an answer.
  void report_late_outage(std::string_view reason);
  State state() const;

 private:
  void answered(bool is_probe);
  void failed(bool is_probe, std::string_view reason);
  void limited(bool is_probe, Duration pause);
  void given_back(bool is_probe);
  void enter(State state, std::string_view reason);
  Duration next_pause();

  // constant after construction
  sys::Clock& clock_;
  Log& log_;
  sys::Gauge& gauge_;
  const std::string name_;
  const HealthOptions options_;

  // guarded by mu_
  mutable std::mutex mu_;
  State state_ = State::closed;
  int failures_ = 0;
  int openings_ = 0;
  bool is_probing_ = false;
  SteadyTime open_until_{};
  SteadyTime limited_until_{};
  std::string last_reason_;
  uint64_t random_;
};

std::string_view to_string(Health::State state);

}  // namespace lifeboat::upstream
