#pragma once

#include "oci/reference.h"
#include "oci/repository.h"
#include "registry/upstream_host.h"

namespace lifeboat::registry {

/// The first rule of the upstream that fits; null: none does.
const FreshnessRule* rule_for(const UpstreamHost& upstream, const oci::Repository& repository, const oci::Tag* tag);

/// The upstream's policy as its first rule for this repository and tag changes it; `tag` null for a manifest asked for
/// by its digest, which no rule with a tag means. Rules behind the first that fits say nothing.
FreshnessPolicy policy_for(const UpstreamHost& upstream, const oci::Repository& repository, const oci::Tag* tag);

}  // namespace lifeboat::registry
