#include "upstream/secret_expiry.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "base/bytes.h"

namespace lifeboat::upstream {
namespace {

constexpr std::size_t kSecretMaxBytes = 32 * kKiB;
/// The year 9999: what lies behind it is no date.
constexpr int64_t kUnixSecondsMax = 253'402'300'799;

/// base64 and base64url alike; nothing when it is neither.
std::optional<std::string> decoded(std::string_view text) {
  static constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  unsigned count = 0;
  for (char letter : text) {
    if (letter == '=') break;
    if (letter == '-') letter = '+';
    if (letter == '_') letter = '/';
    const std::size_t value = kLetters.find(letter);
    if (value == kLetters.npos) return std::nullopt;
    bits = bits << 6U | static_cast<uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count & 0xffU));
  }
  return bytes;
}

std::optional<WallTime> time_in(std::string_view document, const char* key) {
  const auto json = nlohmann::json::parse(document, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number()) return std::nullopt;
  const double seconds = found->get<double>();
  if (!(seconds > 0 && seconds <= static_cast<double>(kUnixSecondsMax))) return std::nullopt;
  return WallTime(std::chrono::seconds(static_cast<int64_t>(seconds)));
}

}  // namespace

std::optional<WallTime> expiry_of_secret(std::string_view secret) {
  if (secret.size() > kSecretMaxBytes) return std::nullopt;
  const bool is_jwt = std::ranges::count(secret, '.') == 2;
  if (is_jwt) {
    const std::size_t first = secret.find('.') + 1;
    const auto claims = decoded(secret.substr(first, secret.rfind('.') - first));
    return claims ? time_in(*claims, "exp") : std::nullopt;
  }
  const auto password = decoded(secret);
  return password ? time_in(*password, "expiration") : std::nullopt;
}

}  // namespace lifeboat::upstream
