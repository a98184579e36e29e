#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace lifeboat::server {

/// How full the store may become: "50GiB" of content, or "85%" of its file system.
struct Watermark {
  uint64_t bytes = 0;    ///< 0: it is a percentage
  uint64_t percent = 0;  ///< 0: it is a size

  /// invalid: neither a size of a byte or more, nor a whole percentage from 1 to 99.
  static Result<Watermark> parse(std::string_view text);
  bool is_percentage() const { return percent > 0; }
  /// In bytes, where a percentage is of `whole_bytes`.
  uint64_t in_bytes(uint64_t whole_bytes) const;
};

/// invalid: the two are not of one kind, or `below` is not less than `above`.
Status check_marks(const Watermark& above, const Watermark& below);

}  // namespace lifeboat::server
