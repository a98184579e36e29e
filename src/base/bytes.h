#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lifeboat {

using ByteView = std::span<const std::byte>;
using ByteSpan = std::span<std::byte>;

inline constexpr uint64_t kKiB = 1024;
inline constexpr uint64_t kMiB = 1024 * kKiB;
inline constexpr uint64_t kGiB = 1024 * kMiB;

inline ByteView as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};  // NOLINT: bytes are text to HTTP
}

/// Lower-case hexadecimal; `from_hex` is false for an odd length or any other letter (upper case included).
std::string to_hex(ByteView bytes);
bool from_hex(std::string_view hex, ByteSpan out);

}  // namespace lifeboat
