#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace lifeboat::oci {

/// `[first, first + length)` of some content.
struct ByteRange {
  uint64_t first = 0;
  uint64_t length = 0;
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

/// What a `Range:` field asks of content of `size_bytes` (RFC 9110 §14.2; W24).
struct RangeRequest {
  enum class Kind {
    whole,          ///< no range, several ranges, another unit, or syntax that a server may ignore
    part,           ///< 206: `range`
    unsatisfiable,  ///< 416
  };
  Kind kind = Kind::whole;
  ByteRange range;

  /// `a-b`, `a-`, `-n`; the end is clamped; `500-0` and a start behind the end are unsatisfiable.
  static RangeRequest parse(std::string_view field, uint64_t size_bytes);
};

/// "bytes 0-9/100" and "bytes */100".
std::string render_content_range(ByteRange range, uint64_t size_bytes);
std::string render_unsatisfied_range(uint64_t size_bytes);

/// The `Content-Range` of an upload's chunk: "0-99", liberally "bytes 0-99/*" (W36).
Result<ByteRange> parse_upload_range(std::string_view field);
/// "0-<last byte>"; "0-0" when nothing was received (W37).
std::string render_upload_range(uint64_t received_bytes);

/// The `Content-Range` of a 206 from an upstream: "bytes 0-9/100" or "bytes 0-9/*".
struct ContentRange {
  ByteRange range;
  std::optional<uint64_t> size_bytes;
};
Result<ContentRange> parse_content_range(std::string_view field);

}  // namespace lifeboat::oci
