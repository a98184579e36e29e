#include <cstring>

#include "fuzz.h"
#include "oci/range.h"

using namespace lifeboat;

LB_FUZZ(text) {
  // The first bytes are the size of the content, the rest is the field.
  uint16_t size_bytes = 0;
  if (text.size() < sizeof(size_bytes)) return;
  std::memcpy(&size_bytes, text.data(), sizeof(size_bytes));
  const std::string_view field = text.substr(sizeof(size_bytes));

  for (const uint64_t content : {uint64_t{size_bytes}, UINT64_MAX}) {
    const auto request = oci::RangeRequest::parse(field, content);
    if (request.kind != oci::RangeRequest::Kind::part) continue;
    LB_ASSERT(request.range.length > 0);
    LB_ASSERT(request.range.first < content);
    LB_ASSERT(request.range.length <= content - request.range.first);
  }
  const auto request = oci::RangeRequest::parse(field, size_bytes);
  if (request.kind == oci::RangeRequest::Kind::part) {
    const auto answer = oci::parse_content_range(oci::render_content_range(request.range, size_bytes));
    LB_ASSERT(answer.has_value());
    LB_ASSERT(answer->range == request.range && answer->size_bytes == size_bytes);
  }
}
