#include "upstream/credential_check.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace lifeboat::upstream {
namespace {

using Verdict = CredentialState::Verdict;

constexpr std::array kVerdicts{Verdict::none, Verdict::works, Verdict::rejected, Verdict::cannot_tell};
constexpr Duration kLeastPause = std::chrono::seconds(5);

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::none: return "none";
    case Verdict::works: return "works";
    case Verdict::rejected: return "rejected";
    case Verdict::cannot_tell: return "cannot_tell";
  }
  return "none";
}

CredentialCheck::CredentialCheck(Parts parts, std::string name, Duration every, uint64_t seed)
    : parts_(parts), name_(std::move(name)), every_(every), next_(parts.clock.now()), random_(seed) {}

SteadyTime CredentialCheck::next() const {
  const std::lock_guard lock(mu_);
  return every_ == Duration(0) || is_running_ ? SteadyTime::max() : next_;
}

bool CredentialCheck::begin() {
  const SteadyTime now = parts_.clock.now();
  const std::lock_guard lock(mu_);
  if (every_ == Duration(0) || is_running_ || now < next_) return false;
  return is_running_ = true;
}

void CredentialCheck::abandon() {
  const std::lock_guard lock(mu_);
  is_running_ = false;
  next_ = parts_.clock.now() + jittered();
}

void CredentialCheck::end(CredentialState state) {
  const std::lock_guard lock(mu_);
  is_running_ = false;
  ended_ = parts_.clock.now();
  next_ = ended_ + jittered();
  is_confirmed_ = std::exchange(is_early_, false) && state.verdict == state_.verdict;
  learn(std::move(state));
}

void CredentialCheck::learn(CredentialState state) {
  state.checked = parts_.clock.wall();
  const Verdict before = std::exchange(state_, std::move(state)).verdict;
  show(state_);
  if (before == state_.verdict) return;
  const std::string change = std::string(to_string(before)) + "→" + std::string(to_string(state_.verdict));
  if (state_.verdict == Verdict::works) {
    parts_.log.info("upstream.credentials", {{"endpoint", name_}, {"change", change}, {"reason", state_.reason}});
  } else {
    parts_.log.warning("upstream.credentials", {{"endpoint", name_}, {"change", change}, {"reason", state_.reason}});
  }
}

void CredentialCheck::doubt(bool was_accepted) {
  {
    const std::lock_guard lock(mu_);
    if (every_ == Duration(0)) {
      if (state_.verdict == (was_accepted ? Verdict::works : Verdict::rejected)) return;
      return learn({.verdict = was_accepted ? Verdict::works : Verdict::rejected, .reason = "of a request"});
    }
    const bool is_known = state_.verdict == (was_accepted ? Verdict::works : Verdict::rejected);
    const bool is_unsure = state_.verdict == Verdict::none || (was_accepted && state_.verdict == Verdict::cannot_tell);
    const SteadyTime soonest = std::max(parts_.clock.now(), ended_ + kLeastPause);
    if (is_known || is_unsure || is_running_ || is_confirmed_ || soonest >= next_) return;
    next_ = soonest;
    is_early_ = true;
  }
  parts_.due.notify_all();
}

CredentialState CredentialCheck::state() const {
  const std::lock_guard lock(mu_);
  return state_;
}

void CredentialCheck::show(const CredentialState& state) {
  for (const Verdict one : kVerdicts) {
    parts_.metrics
        .gauge("lifeboat_upstream_credential_state", "What is known of the login to an endpoint: 1 for what holds.",
               {{"host", name_}, {"state", to_string(one)}})
        .set(one == state.verdict ? 1 : 0);
  }
  if (!state.expires && !std::exchange(is_expiry_shown_, false)) return;
  is_expiry_shown_ = state.expires.has_value();
  parts_.metrics
      .gauge("lifeboat_upstream_credential_expires_timestamp_seconds",
             "When the login to an endpoint says it expires; +Inf when it says so no more.", {{"host", name_}})
      .set(state.expires ? static_cast<double>(state.expires->time_since_epoch().count()) / 1000
                         : std::numeric_limits<double>::infinity());
}

/// A linear congruential step is random enough for a fleet not to ask as one.
Duration CredentialCheck::jittered() {
  random_ = random_ * 6364136223846793005ULL + 1442695040888963407ULL;
  const int64_t tenth = every_.count() / 10;
  return every_ - Duration(tenth) +
         Duration(static_cast<int64_t>((random_ >> 33U) % static_cast<uint64_t>(2 * tenth + 1)));
}

}  // namespace lifeboat::upstream
