#include "oci/repository.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>

#include "oci/text.h"

namespace lifeboat::oci {
namespace {

constexpr std::size_t kRepositoryMax = 255;
constexpr std::size_t kHostNameMax = 253;  // RFC 1035 §2.3.4
constexpr std::size_t kHostLabelMax = 63;

bool is_alphanumeric(char letter) { return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9'); }

char to_lower(char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter; }

/// `.`, `_`, `__` or any number of `-`.
bool is_separator(std::string_view text) {
  return text == "." || text == "_" || text == "__" || text.find_first_not_of('-') == std::string_view::npos;
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
bool is_component(std::string_view text) {
  if (text.empty() || !is_alphanumeric(text.front()) || !is_alphanumeric(text.back())) return false;
  std::size_t separator_start = 0;
  bool in_separator = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_letter = is_alphanumeric(text[i]);
    if (!is_letter && !in_separator) separator_start = i;
    if (is_letter && in_separator && !is_separator(text.substr(separator_start, i - separator_start))) return false;
    in_separator = !is_letter;
  }
  return true;
}

/// `predicate` holds for each of the parts that `separator` parts `text` into.
template <class Predicate>
bool all_parts(std::string_view text, char separator, Predicate predicate) {
  while (true) {
    const std::size_t end = text.find(separator);
    if (!predicate(text.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

/// A label of a host name (RFC 1123 §2.1), in lower case.
bool is_host_label(std::string_view text) {
  if (text.empty() || text.size() > kHostLabelMax || text.front() == '-' || text.back() == '-') return false;
  return std::ranges::all_of(text, [](char letter) { return is_alphanumeric(letter) || letter == '-'; });
}

/// The shortest form of an IPv6 address in its brackets, or "" when it is none.
std::string normal_ipv6(std::string_view text) {
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return "";
  const std::string address(text.substr(1, text.size() - 2));
  if (address.find('\0') != std::string::npos) return "";  // inet_pton would stop there
  in6_addr raw{};
  std::array<char, INET6_ADDRSTRLEN> normal{};
  if (inet_pton(AF_INET6, address.c_str(), &raw) != 1) return "";
  if (inet_ntop(AF_INET6, &raw, normal.data(), normal.size()) == nullptr) return "";
  std::string bracketed(1, '[');
  return bracketed.append(normal.data()).append("]");
}

/// The host name or address without its port, normalized; "" when it is none.
std::string normal_host(std::string_view text) {
  if (text.starts_with('[')) return normal_ipv6(text);
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.size() > kHostNameMax || !all_parts(text, '.', is_host_label)) return "";
  return std::string(text);
}

/// 1 … 65535, or 0 when it is no port.
uint32_t parse_port(std::string_view text) {
  uint32_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port <= 65535 ? port : 0;
}

}  // namespace

Result<Repository> Repository::parse(std::string_view text) {
  if (text.size() > kRepositoryMax) {
    return fail(ErrorCode::invalid, "cannot parse repository " + quote(text) + ": too long (got " +
                                        std::to_string(text.size()) + " letters, want at most 255)");
  }
  if (!all_parts(text, '/', is_component)) {
    return fail(ErrorCode::invalid, "cannot parse repository " + quote(text) +
                                        ": malformed (want lower-case letters and digits, parted by '/', '.', '_', "
                                        "'__' or dashes)");
  }
  return Repository(std::string(text));
}

Result<RegistryHost> RegistryHost::parse(std::string_view text) {
  auto refuse = [text] {
    return fail(ErrorCode::invalid, "cannot parse registry host " + quote(text) +
                                        ": malformed (want a host name or address with an optional port)");
  };
  if (text.size() > kHostNameMax + sizeof(".:65535")) return refuse();
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), to_lower);
  std::string_view name = lower;
  std::string port;
  const std::size_t bracket = name.rfind(']');
  const std::size_t colon = name.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    const uint32_t number = parse_port(name.substr(colon + 1));
    if (number == 0) return refuse();
    port.append(":").append(std::to_string(number));
    name = name.substr(0, colon);
  }
  std::string host = normal_host(name);
  if (host.empty()) return refuse();
  if (port.empty() && (host == "index.docker.io" || host == "registry-1.docker.io")) host = "docker.io";
  return RegistryHost(host + port);
}

}  // namespace lifeboat::oci
