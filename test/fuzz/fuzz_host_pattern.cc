#include "fuzz.h"
#include "oci/host_pattern.h"

using namespace lifeboat;

LB_FUZZ(text) {
  fuzz::check_normal_form<oci::HostPattern>(text);
  const auto host = oci::RegistryHost::parse(text);
  if (!host) return;
  const auto pattern = oci::HostPattern::parse(text);
  LB_ASSERT(pattern.has_value() && pattern->matches(*host));
}
