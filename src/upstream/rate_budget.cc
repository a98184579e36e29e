#include "upstream/rate_budget.h"

#include <utility>

namespace lifeboat::upstream {
namespace {

/// How long a host is believed that does not tell its window.
constexpr Duration kBelievedFor = std::chrono::hours(1);

}  // namespace

RateBudget::RateBudget(Parts parts, std::string name, RateFloor floor)
    : parts_(parts), name_(std::move(name)), floor_(floor) {}

void RateBudget::learn(const sys::HttpFields& fields) {
  const auto rate = rate_limit_of(fields, parts_.clock.wall());
  if (!rate) return;
  parts_.metrics
      .gauge("lifeboat_upstream_rate_limit_remaining", "Requests an endpoint said it still takes.", {{"host", name_}})
      .set(static_cast<double>(rate->remaining));
  if (rate->limit) {
    parts_.metrics
        .gauge("lifeboat_upstream_rate_limit_limit", "Requests an endpoint said it takes in a window.",
               {{"host", name_}})
        .set(static_cast<double>(*rate->limit));
  }
  const std::lock_guard lock(mu_);
  rate_ = rate;
  until_ = parts_.clock.now() + rate->resets.value_or(rate->window.value_or(kBelievedFor));
  note(upstream::is_short(*rate, floor_));
}

bool RateBudget::is_short() {
  const std::lock_guard lock(mu_);
  note(rate_ && !is_over(parts_.clock.now()) && upstream::is_short(*rate_, floor_));
  return was_short_;
}

std::optional<RateLimit> RateBudget::known() const {
  const std::lock_guard lock(mu_);
  return is_over(parts_.clock.now()) ? std::nullopt : rate_;
}

bool RateBudget::is_over(SteadyTime now) const { return now >= until_; }

void RateBudget::note(bool is_short_now) {
  if (std::exchange(was_short_, is_short_now) == is_short_now) return;
  if (is_short_now) {
    parts_.log.warning("upstream.rate_limit", {{"endpoint", name_},
                                               {"change", "enough→short"},
                                               {"remaining", rate_->remaining},
                                               {"limit", rate_->limit.value_or(0)}});
  } else {
    parts_.log.info("upstream.rate_limit", {{"endpoint", name_}, {"change", "short→enough"}});
  }
}

}  // namespace lifeboat::upstream
