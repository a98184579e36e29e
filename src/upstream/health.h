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
#include "sys/notification.h"

namespace lifeboat::upstream {

struct HealthOptions {
  int failures_max = 3;  ///< consecutive outages that open the breaker
  Duration pause_min{std::chrono::seconds(1)};
  Duration pause_max{std::chrono::seconds(30)};
  friend bool operator==(const HealthOptions&, const HealthOptions&) = default;
};

/// The breaker of one endpoint or token realm: closed (asked) → open (not asked for a pause) → half_open (one probe is
/// under way) → closed, or open for twice as long. Probes are made in the background (RegistrySource::probe), so that
/// while it is open no client ever waits for it. Pauses grow to a cap and are jittered, so that a fleet does not come
/// back as one. A rate limit is a pause too, without being a fault. Any thread.
class Health {
 public:
  enum class State { closed, half_open, open };

  /// What a failure says about the endpoint.
  enum class Outage {
    unreachable,  ///< no connection, or silence on it: opens the breaker at once, since whoever asks next would wait
    broken,       ///< it was reached and failed: one of `failures_max`
  };

  /// What an answer would show: that it gives content, or only that it lives (a HEAD, the API's base). What answers
  /// those alone has not made good for the content that it failed to give.
  enum class Asking { content, sign_of_life };

  /// Leave to ask once. Destroyed without a report (the asker went away), it counts for nothing.
  class Permit {
   public:
    Permit(Permit&& other) noexcept;
    Permit& operator=(Permit&&) = delete;
    ~Permit();
    /// The endpoint answered, whatever it said.
    void report_answer();
    void report_outage(Outage outage, std::string_view reason);
    /// Not to be asked before the pause has passed.
    void report_too_many(Duration pause);

   private:
    friend class Health;
    Permit(Health& health, Asking asking, bool is_probe) : health_(&health), asking_(asking), is_probe_(is_probe) {}
    Health* health_;
    Asking asking_;
    bool is_probe_;
  };

  struct Parts {
    sys::Clock& clock;
    Log& log;
    sys::Metrics& metrics;
    sys::Notification& opened;  ///< told when a breaker has opened: there is something to probe
  };
  /// `name`: the endpoint or realm in logs and a label of the gauge; `kind`: "endpoint" or "realm". `seed`: of the
  /// jitter.
  Health(Parts parts, std::string_view kind, std::string name, HealthOptions options, uint64_t seed);
  Health(const Health&) = delete;
  Health& operator=(const Health&) = delete;

  /// unavailable: the breaker is not closed; too_many: a rate limit has not passed. Costs no I/O.
  Result<Permit> admit(Asking asking = Asking::content);
  /// When the next probe is due; max: none is.
  SteadyTime next_probe() const;
  /// Nothing: no probe is due. Its report closes the breaker or begins the next pause.
  std::optional<Permit> admit_probe();
  /// A body broke off after its head was taken as an answer. What answers heads alone does not make good for it: the
  /// pauses grow until a body has come whole, or nothing was wrong for as long as the longest pause.
  void report_late_outage(std::string_view reason);
  /// A body came whole.
  void report_body();
  State state() const;
  /// All there is to tell, at one moment.
  struct Snapshot {
    State state = State::closed;
    std::string reason{};        ///< of the last failure; "" when there was none
    SteadyTime next_probe{};     ///< max: none is due
    SteadyTime limited_until{};  ///< it asked not to be asked before
    friend bool operator==(const Snapshot&, const Snapshot&) = default;
  };
  Snapshot snapshot() const;
  /// An outage was the last that was heard of it, or of what was asked for content.
  bool is_failing() const;

 private:
  void answered(const Permit& permit);
  void failed(const Permit& permit, Outage outage, std::string_view reason);
  void limited(const Permit& permit, Duration pause);
  void given_back(bool is_probe);
  void enter(State state, std::string_view reason);
  void open(std::string_view reason);  ///< mu_ is held
  Duration next_pause();

  // constant after construction
  sys::Clock& clock_;
  Log& log_;
  sys::Gauge& gauge_;
  sys::Notification& opened_;
  const std::string name_;
  const HealthOptions options_;

  // guarded by mu_
  mutable std::mutex mu_;
  State state_ = State::closed;
  int failures_ = 0;       ///< to give content, in a row
  int lifeless_ = 0;       ///< failures to give a sign of life, in a row
  int late_failures_ = 0;  ///< since a body came whole
  int openings_ = 0;       ///< in a row
  SteadyTime last_trouble_{};
  SteadyTime open_until_{};
  SteadyTime limited_until_{};
  std::string last_reason_;
  uint64_t random_;
};

std::string_view to_string(Health::State state);

}  // namespace lifeboat::upstream
