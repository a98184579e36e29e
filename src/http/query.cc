#include "http/query.h"

#include <algorithm>

namespace lifeboat::http {
namespace {

int hex_value(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
  if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
  return -1;
}

/// The byte that `text` begins with as `%xx`, or -1.
int escaped_byte(std::string_view text) {
  if (text.size() < 3 || text[0] != '%') return -1;
  const int high = hex_value(text[1]);
  const int low = hex_value(text[2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

std::string form_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const int byte = escaped_byte(text);
    out.push_back(byte >= 0 ? static_cast<char>(byte) : text.front() == '+' ? ' ' : text.front());
    text.remove_prefix(byte >= 0 ? 3 : 1);
  }
  return out;
}

bool is_unreserved(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') ||
         letter == '-' || letter == '.' || letter == '_' || letter == '~';
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const int byte = escaped_byte(text);
    if (byte < 0 && text.front() == '%') return std::nullopt;
    out.push_back(byte >= 0 ? static_cast<char>(byte) : text.front());
    text.remove_prefix(byte >= 0 ? 3 : 1);
  }
  return out;
}

std::string percent_encoded(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char letter : text) {
    if (is_unreserved(letter)) {
      out.push_back(letter);
      continue;
    }
    const auto byte = static_cast<unsigned char>(letter);
    out.push_back('%');
    out.push_back(kDigits[byte >> 4U]);
    out.push_back(kDigits[byte & 15U]);
  }
  return out;
}

Query Query::parse(std::string_view text) {
  Query query;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view value = equals == pair.size() ? std::string_view() : pair.substr(equals + 1);
    query.all_.emplace_back(form_decoded(pair.substr(0, equals)), form_decoded(value));
  }
  return query;
}

std::optional<std::string_view> Query::first(std::string_view key) const {
  for (const auto& [name, value] : all_) {
    if (name == key) return value;
  }
  return std::nullopt;
}

std::vector<std::string_view> Query::every(std::string_view key) const {
  std::vector<std::string_view> values;
  for (const auto& [name, value] : all_) {
    if (name == key) values.emplace_back(value);
  }
  return values;
}

std::string with_plus(std::string_view value) {
  std::string out(value);
  std::ranges::replace(out, ' ', '+');
  return out;
}

}  // namespace lifeboat::http
