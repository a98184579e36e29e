#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace lifeboat::oci {

/// The name of an upload session: a UUID of version 4 in lower case (W35).
class UploadId {
 public:
  static Result<UploadId> parse(std::string_view text);
  /// From 16 random bytes.
  static UploadId of_random(std::span<const std::byte, 16> random);
  const std::string& to_string() const { return text_; }
  friend auto operator<=>(const UploadId&, const UploadId&) = default;

 private:
  explicit UploadId(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace lifeboat::oci

template <>
struct std::hash<lifeboat::oci::UploadId> {
  std::size_t operator()(const lifeboat::oci::UploadId& id) const noexcept {
    return std::hash<std::string>{}(id.to_string());
  }
};
