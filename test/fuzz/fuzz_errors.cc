#include "fuzz.h"
#include "oci/error_code.h"

using namespace lifeboat;

LB_FUZZ(text) {
  const auto errors = oci::parse_errors(text);
  const std::string rendered = oci::render_errors(errors);
  const auto again = oci::parse_errors(rendered);
  LB_ASSERT(rendered.size() > 64 * 1024 || again.size() == errors.size());
  for (std::size_t i = 0; i < again.size(); ++i) {
    LB_ASSERT(again[i].code == errors[i].code);
    LB_ASSERT(again[i].message == errors[i].message && again[i].detail == errors[i].detail);
  }
  // Any bytes at all can stand in a message.
  if (text.size() > 1024) return;
  const std::string any(text);
  LB_ASSERT(oci::parse_errors(oci::render_errors({{oci::OciErrorCode::denied, any, any}})).size() == 1);
}
