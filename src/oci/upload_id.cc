#include "oci/upload_id.h"

#include <algorithm>
#include <array>

#include "oci/text.h"

namespace lifeboat::oci {
namespace {

constexpr std::size_t kTextSize = 36;
constexpr std::size_t kVersionAt = 14;  // the digit '4' (RFC 9562 §5.4)
constexpr std::size_t kVariantAt = 19;  // one of '8', '9', 'a', 'b'

bool is_dash_at(std::size_t position) { return position == 8 || position == 13 || position == 18 || position == 23; }

bool is_hex(char letter) { return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'f'); }

bool is_uuid4(std::string_view text) {
  if (text.size() != kTextSize) return false;
  for (std::size_t i = 0; i < kTextSize; ++i) {
    if (is_dash_at(i) ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return text[kVersionAt] == '4' && std::string_view("89ab").find(text[kVariantAt]) != std::string_view::npos;
}

}  // namespace

Result<UploadId> UploadId::parse(std::string_view text) {
  if (!is_uuid4(text)) {
    return fail(ErrorCode::invalid,
                "cannot parse upload id " + quote(text) + ": malformed (want a UUID of version 4 in lower case)");
  }
  return UploadId(std::string(text));
}

UploadId UploadId::of_random(std::span<const std::byte, 16> random) {
  std::array<std::byte, 16> raw{};
  std::ranges::copy(random, raw.begin());
  raw[6] = (raw[6] & std::byte{0x0f}) | std::byte{0x40};
  raw[8] = (raw[8] & std::byte{0x3f}) | std::byte{0x80};
  const std::string hex = to_hex(raw);
  std::string text;
  text.reserve(kTextSize);
  for (const char letter : hex) {
    if (is_dash_at(text.size())) text.push_back('-');
    text.push_back(letter);
  }
  return UploadId(std::move(text));
}

}  // namespace lifeboat::oci
