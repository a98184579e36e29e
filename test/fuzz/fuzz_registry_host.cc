#include "fuzz.h"
#include "oci/repository.h"

using namespace lifeboat;

LB_FUZZ(text) {
  fuzz::check_normal_form<oci::RegistryHost>(text);
  if (const auto host = oci::RegistryHost::parse(text)) {
    LB_ASSERT(host->to_string().find_first_of("/@?# \r\n") == std::string::npos);
  }
}
