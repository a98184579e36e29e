#include "fuzz.h"
#include "oci/image_config.h"

using namespace lifeboat;

LB_FUZZ(text) {
  const auto platform = oci::platform_of_config(text);
  if (platform && platform->has_value()) LB_ASSERT(!(*platform)->os.empty() || !(*platform)->architecture.empty());
}
