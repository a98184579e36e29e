#include "registry/freshness_rules.h"

#include <algorithm>

namespace lifeboat::registry {

const FreshnessRule* rule_for(const UpstreamHost& upstream, const oci::Repository& repository, const oci::Tag* tag) {
  const auto rule = std::ranges::find_if(
      upstream.rules, [&](const FreshnessRule& candidate) { return candidate.match.matches(repository, tag); });
  return rule == upstream.rules.end() ? nullptr : &*rule;
}

FreshnessPolicy policy_for(const UpstreamHost& upstream, const oci::Repository& repository, const oci::Tag* tag) {
  FreshnessPolicy policy = upstream.freshness;
  const FreshnessRule* rule = rule_for(upstream, repository, tag);
  if (rule == nullptr) return policy;
  policy.fresh_for = rule->fresh_for.value_or(policy.fresh_for);
  policy.max_stale = rule->max_stale.value_or(policy.max_stale);
  policy.revalidate_within = rule->revalidate_within.value_or(policy.revalidate_within);
  policy.drops_gone = rule->drops_gone.value_or(policy.drops_gone);
  policy.serves_on_credential_fault = rule->serves_on_credential_fault.value_or(policy.serves_on_credential_fault);
  policy.not_found_for = rule->not_found_for.value_or(policy.not_found_for);
  return policy;
}

}  // namespace lifeboat::registry
