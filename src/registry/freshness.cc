#include "registry/freshness.h"

namespace lifeboat::registry {
namespace {

std::string reason_of(ErrorCode failure) {
  switch (failure) {
    case ErrorCode::timed_out: return "timeout";
    case ErrorCode::unauthorized:
    case ErrorCode::denied: return "credential";
    case ErrorCode::too_many: return "rate-limited";
    case ErrorCode::corrupt:
    case ErrorCode::invalid: return "wrong-content";
    case ErrorCode::not_found: return "gone";
    default: return "unavailable";
  }
}

constexpr int kStretch = 10;
/// Windows differ by up to one part of so many.
constexpr int kWindowShare = 10;
constexpr Duration kStretchMin = std::chrono::minutes(10);

bool is_within_max_stale(const HeldTag& held, WallTime now, const FreshnessPolicy& policy) {
  // Each answer that it is gone is a check as well, and confirms nothing.
  const WallTime last_true = held.is_gone_upstream ? held.confirmed : held.checked;
  return !policy.max_stale || now - last_true <= policy.fresh_for + *policy.max_stale;
}

}  // namespace

BeforeAsking before_asking(const std::optional<HeldTag>& held, WallTime now, const FreshnessPolicy& policy,
                           bool is_short) {
  if (!held) return BeforeAsking::fetch;
  const auto is_within = [&](Duration span) { return now >= held->checked && now - held->checked < span; };
  if (held->is_gone_upstream && policy.drops_gone) return BeforeAsking::revalidate;
  if (is_within(policy.fresh_for)) return held->is_gone_upstream ? BeforeAsking::serve_gone : BeforeAsking::serve;
  const bool may_wait = is_short && is_within(stretched(policy.fresh_for)) && is_within_max_stale(*held, now, policy);
  return may_wait ? BeforeAsking::serve_late : BeforeAsking::revalidate;
}

Duration window_min(Duration fresh_for) { return fresh_for - fresh_for / kWindowShare; }

Duration window_of(Duration fresh_for, const oci::RepositoryId& repository, const oci::Tag& tag, WallTime checked) {
  const std::string seed =
      repository.to_string() + ":" + tag.to_string() + "@" + std::to_string(checked.time_since_epoch().count());
  const Duration spread = fresh_for - window_min(fresh_for);
  const auto sixteenths = static_cast<Duration::rep>(std::hash<std::string>()(seed) % 17);
  return fresh_for - spread / 16 * sixteenths;
}

Duration stretched(Duration fresh_for) {
  // Past a day somebody wants tags that hardly change, and the product of two large numbers is no time.
  if (fresh_for >= std::chrono::days(1)) return fresh_for;
  return std::max(fresh_for * kStretch, kStretchMin);
}

bool may_supply_the_rest(ErrorCode failure) {
  return failure == ErrorCode::timed_out || failure == ErrorCode::too_many || failure == ErrorCode::not_found;
}

AfterFailure after_failure(const std::optional<HeldTag>& held, ErrorCode failure, WallTime now,
                           const FreshnessPolicy& policy) {
  using Kind = AfterFailure::Kind;
  const std::string reason = reason_of(failure);
  const bool is_refused = failure == ErrorCode::unauthorized || failure == ErrorCode::denied;
  if (failure == ErrorCode::not_found && (!held || policy.drops_gone)) return {Kind::not_found, reason};
  if (held && failure == ErrorCode::not_found) return {Kind::serve_gone, reason};
  if (is_refused && !policy.serves_on_credential_fault) return {Kind::unavailable, reason};
  if (held && is_within_max_stale(*held, now, policy)) return {Kind::serve_stale, reason};
  return {Kind::unavailable, reason};
}

}  // namespace lifeboat::registry
