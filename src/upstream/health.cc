#include "upstream/health.h"

#include <algorithm>
#include <utility>

namespace lifeboat::upstream {

std::string_view to_string(Health::State state) {
  switch (state) {
    case Health::State::closed: return "closed";
    case Health::State::half_open: return "half_open";
    case Health::State::open: return "open";
  }
  return "open";
}

Health::Permit::Permit(Permit&& other) noexcept
    : health_(std::exchange(other.health_, nullptr)), asking_(other.asking_), is_probe_(other.is_probe_) {}
Health::Permit::~Permit() {
  if (health_ != nullptr) health_->given_back(is_probe_);
}
void Health::Permit::report_answer() {
  if (health_ != nullptr) std::exchange(health_, nullptr)->answered(*this);
}
void Health::Permit::report_outage(Outage outage, std::string_view reason) {
  if (health_ != nullptr) std::exchange(health_, nullptr)->failed(*this, outage, reason);
}
void Health::Permit::report_too_many(Duration pause) {
  if (health_ != nullptr) std::exchange(health_, nullptr)->limited(*this, pause);
}

Health::Health(Parts parts, std::string_view kind, std::string name, HealthOptions options, uint64_t seed)
    : clock_(parts.clock),
      log_(parts.log),
      gauge_(parts.metrics.gauge(
          "lifeboat_upstream_breaker_state",
          "Whether an endpoint or token realm is asked: 0 closed (yes), 1 half open (one probe), 2 open (no).",
          {{"host", name}, {"kind", kind}})),
      opened_(parts.opened),
      name_(std::move(name)),
      options_(options),
      random_(seed) {
  gauge_.set(0);
}

Result<Health::Permit> Health::admit(Asking asking) {
  const SteadyTime now = clock_.now();
  const std::lock_guard lock(mu_);
  const auto refuse = [&](ErrorCode code, const std::string& why) {
    return std::unexpected(Error(code, "cannot ask endpoint '" + name_ + "': " + why).at(NetworkStep::not_sent));
  };
  if (now < limited_until_) return refuse(ErrorCode::too_many, "it asked for a pause that has not passed");
  if (state_ == State::closed) return Permit(*this, asking, false);
  return refuse(ErrorCode::unavailable, "it is not asked for now: " + last_reason_);
}

SteadyTime Health::next_probe() const {
  const std::lock_guard lock(mu_);
  return state_ == State::open ? std::max(open_until_, limited_until_) : SteadyTime::max();
}

std::optional<Health::Permit> Health::admit_probe() {
  const SteadyTime now = clock_.now();
  const std::lock_guard lock(mu_);
  if (state_ != State::open || now < open_until_ || now < limited_until_) return std::nullopt;
  enter(State::half_open, "a probe");
  return Permit(*this, Asking::sign_of_life, true);
}

Health::State Health::state() const {
  const std::lock_guard lock(mu_);
  return state_;
}

bool Health::is_failing() const {
  const std::lock_guard lock(mu_);
  return state_ != State::closed || failures_ > 0 || lifeless_ > 0 || late_failures_ > 0;
}

Health::Snapshot Health::snapshot() const {
  const std::lock_guard lock(mu_);
  return {.state = state_,
          .reason = last_reason_,
          .next_probe = state_ == State::open ? std::max(open_until_, limited_until_) : SteadyTime::max(),
          .limited_until = limited_until_};
}

void Health::report_late_outage(std::string_view reason) {
  {
    const std::lock_guard lock(mu_);
    if (state_ != State::closed) return;
    last_reason_ = reason;
    last_trouble_ = clock_.now();
    if (++late_failures_ < options_.failures_max) return;
    open(reason);
  }
  opened_.notify_all();
}

void Health::report_body() {
  const std::lock_guard lock(mu_);
  if (state_ != State::closed) return;
  late_failures_ = 0;
  openings_ = 0;
}

void Health::answered(const Permit& permit) {
  const std::lock_guard lock(mu_);
  // What was asked before the breaker opened and answered behind it says less than the probe will.
  if (state_ != State::closed && !permit.is_probe_) return;
  lifeless_ = 0;
  if (permit.asking_ == Asking::content || permit.is_probe_) failures_ = 0;
  if (state_ != State::closed) {
    last_trouble_ = clock_.now();
    return enter(State::closed, "it answered");
  }
  if (clock_.now() < last_trouble_ + options_.pause_max) return;
  late_failures_ = 0;
  openings_ = 0;
}

void Health::failed(const Permit& permit, Outage outage, std::string_view reason) {
  {
    const std::lock_guard lock(mu_);
    if (state_ != State::closed && !permit.is_probe_) return;
    last_reason_ = reason;
    last_trouble_ = clock_.now();
    ++(permit.asking_ == Asking::content ? failures_ : lifeless_);
    const bool is_enough = permit.is_probe_ || outage == Outage::unreachable;
    if (!is_enough && failures_ + lifeless_ < options_.failures_max) return;
    open(reason);
  }
  opened_.notify_all();
}

void Health::limited(const Permit& permit, Duration pause) {
  answered(permit);
  const std::lock_guard lock(mu_);
  const SteadyTime now = clock_.now();
  if (now >= limited_until_ && pause > Duration(0)) {
    log_.warning("upstream.limited", {{"endpoint", name_}, {"pause_ms", pause.count()}});
  }
  limited_until_ = std::max(limited_until_, now + pause);
}

void Health::given_back(bool is_probe) {
  if (!is_probe) return;
  {
    const std::lock_guard lock(mu_);
    open(last_reason_);
  }
  opened_.notify_all();
}

void Health::enter(State state, std::string_view reason) {
  const State from = std::exchange(state_, state);
  gauge_.set(state == State::closed ? 0 : state == State::half_open ? 1 : 2);
  // open → half_open → open is one outage that goes on: it is told once.
  const bool is_news = state == State::closed || (from == State::closed && state == State::open);
  const std::string change =
      std::string(state == State::closed ? "open" : to_string(from)) + "→" + std::string(to_string(state));
  if (!is_news) {
    log_.debug("upstream.breaker", {{"endpoint", name_}, {"change", change}, {"reason", reason}});
  } else if (state == State::closed) {
    log_.info("upstream.breaker", {{"endpoint", name_}, {"change", change}, {"reason", reason}});
  } else {
    log_.warning("upstream.breaker", {{"endpoint", name_}, {"change", change}, {"reason", reason}});
  }
}

void Health::open(std::string_view reason) {
  open_until_ = clock_.now() + next_pause();
  enter(State::open, reason);
}

/// Twice as long each time up to the cap, and of that between a half and the whole (splitmix64).
Duration Health::next_pause() {
  const int doublings = std::min(openings_++, 20);
  const Duration full = std::min(options_.pause_max, options_.pause_min * (int64_t{1} << doublings));
  random_ += 0x9e3779b97f4a7c15ULL;
  uint64_t mixed = random_;
  mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebULL;
  mixed ^= mixed >> 31U;
  const auto half = full.count() / 2;
  return Duration(full.count() - half + static_cast<int64_t>(mixed % static_cast<uint64_t>(half + 1)));
}

}  // namespace lifeboat::upstream
