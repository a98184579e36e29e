#include "fuzz.h"
#include "oci/reference.h"

using namespace lifeboat;

LB_FUZZ(text) {
  fuzz::check_identity<oci::Tag>(text);
  fuzz::check_identity<oci::Reference>(text);
  if (const auto reference = oci::Reference::parse(text)) {
    LB_ASSERT((reference->tag() == nullptr) != (reference->digest() == nullptr));
    LB_ASSERT((reference->digest() != nullptr) == (text.find(':') != std::string_view::npos));
  }
}
