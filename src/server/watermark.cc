#include "server/watermark.h"

#include <charconv>
#include <string>

#include "server/units.h"

namespace lifeboat::server {

Result<Watermark> Watermark::parse(std::string_view text) {
  Watermark mark;
  if (text.ends_with('%')) {
    const char* const end = text.data() + text.size() - 1;
    const auto parsed = std::from_chars(text.data(), end, mark.percent);
    if (parsed.ec == std::errc() && parsed.ptr == end && mark.percent >= 1 && mark.percent <= 99) return mark;
  } else if (const auto bytes = parse_size(text); bytes && *bytes > 0) {
    mark.bytes = *bytes;
    return mark;
  }
  return fail(ErrorCode::invalid, "neither a size nor a percentage (got '" + std::string(text) +
                                      "', want for example '50GiB', or '85%' from 1% to 99%)");
}

uint64_t Watermark::in_bytes(uint64_t whole_bytes) const {
  // In this order, so that nothing overflows.
  return is_percentage() ? whole_bytes / 100 * percent : bytes;
}

Status check_marks(const Watermark& above, const Watermark& below) {
  if (above.is_percentage() != below.is_percentage()) {
    return fail(ErrorCode::invalid, "one is a size, the other a percentage (want two of the same kind)");
  }
  const bool is_less = above.is_percentage() ? below.percent < above.percent : below.bytes < above.bytes;
  if (is_less) return {};
  return fail(ErrorCode::invalid, "it is not less than 'storage.evict_above'");
}

}  // namespace lifeboat::server
