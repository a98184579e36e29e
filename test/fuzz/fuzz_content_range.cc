#include "fuzz.h"
#include "oci/range.h"

using namespace lifeboat;

LB_FUZZ(text) {
  if (const auto upload = oci::parse_upload_range(text)) {
    LB_ASSERT(upload->length > 0);
    LB_ASSERT(upload->first + upload->length > upload->first);
    if (upload->first == 0) {
      LB_ASSERT(oci::parse_upload_range(oci::render_upload_range(upload->length)) == *upload);
    }
  }
  if (const auto answer = oci::parse_content_range(text)) {
    LB_ASSERT(answer->range.length > 0);
    LB_ASSERT(answer->range.first + answer->range.length > answer->range.first);
    // Every field of an answer is one that an upload may carry, too.
    LB_ASSERT(oci::parse_upload_range(text) == answer->range);
    if (answer->size_bytes) {
      const auto again = oci::parse_content_range(oci::render_content_range(answer->range, *answer->size_bytes));
      LB_ASSERT(again.has_value() && again->range == answer->range && again->size_bytes == answer->size_bytes);
    }
  }
}
