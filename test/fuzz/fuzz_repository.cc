#include "fuzz.h"
#include "oci/repository.h"

using namespace lifeboat;

LB_FUZZ(text) {
  fuzz::check_identity<oci::Repository>(text);
  if (const auto repository = oci::Repository::parse(text)) {
    // A name is safe as a relative path and inside of a URL.
    LB_ASSERT(!text.starts_with('/') && text.find("..") == std::string_view::npos);
    LB_ASSERT(text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-/") == std::string_view::npos);
  }
}
