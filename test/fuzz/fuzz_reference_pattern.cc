#include "fuzz.h"
#include "oci/reference_pattern.h"

using namespace lifeboat;

LB_FUZZ(text) {
  fuzz::check_identity<oci::ReferencePattern>(text);
  const auto pattern = oci::ReferencePattern::parse(text);
  if (!pattern) return;
  // A pattern without a star that is a name means that name.
  const auto repository = oci::Repository::parse(text);
  if (repository) LB_ASSERT(pattern->matches(*repository, nullptr));
}
