#include "fuzz.h"
#include "oci/media_type.h"

using namespace lifeboat;

LB_FUZZ(text) {
  fuzz::check_normal_form<oci::MediaType>(text);
  if (const auto type = oci::MediaType::parse(text)) {
    LB_ASSERT(type->to_string().size() <= 255);
    LB_ASSERT(type->to_string().find_first_of("; \t\r\n\"") == std::string::npos);
    LB_ASSERT(!(type->is_manifest() && type->is_index()));
  }
}
