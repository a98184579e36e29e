#include "upstream/url.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

namespace lifeboat::upstream {
namespace {

constexpr std::size_t kUrlMaxBytes = 4096;

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

bool is_host_letter(char letter) {
  return is_digit(letter) || (letter >= 'a' && letter <= 'z') || letter == '-' || letter == '.' || letter == '_';
}

bool is_clean(std::string_view text) {
  return std::ranges::all_of(text, [](char letter) {
    return letter > 0x20 && letter < 0x7f && letter != '\\' && letter != '"' && letter != '<' && letter != '>';
  });
}

std::optional<std::array<uint8_t, 4>> ipv4_of(std::string_view host) {
  std::array<uint8_t, 4> bytes{};
  return inet_pton(AF_INET, std::string(host).c_str(), bytes.data()) == 1 ? std::optional(bytes) : std::nullopt;
}

std::optional<std::array<uint8_t, 16>> ipv6_of(std::string_view host) {
  std::array<uint8_t, 16> bytes{};
  return inet_pton(AF_INET6, std::string(host).c_str(), bytes.data()) == 1 ? std::optional(bytes) : std::nullopt;
}

bool is_private_ipv4(std::array<uint8_t, 4> ip) {
  return ip[0] == 0 || ip[0] == 10 || ip[0] == 127 || (ip[0] == 100 && (ip[1] & 0xc0U) == 64) ||
         (ip[0] == 169 && ip[1] == 254) || (ip[0] == 172 && (ip[1] & 0xf0U) == 16) || (ip[0] == 192 && ip[1] == 168) ||
         ip[0] >= 224;
}

bool is_private_ipv6(const std::array<uint8_t, 16>& ip) {
  if (std::all_of(ip.begin(), ip.begin() + 10, [](uint8_t byte) { return byte == 0; })) return true;  // ::, ::1, mapped
  if (ip[0] == 0x00 && ip[1] == 0x64) return true;                                                    // NAT64
  return (ip[0] & 0xfeU) == 0xfc || (ip[0] == 0xfe && ip[1] >= 0x80) || ip[0] == 0xff;
}

/// What inet_aton(3) and thereby many resolvers read as an address: the last label is a number.
bool is_numeric_form(std::string_view host) {
  const std::string_view last = host.substr(host.rfind('.') + 1);
  return !last.empty() && (std::ranges::all_of(last, is_digit) || last.starts_with("0x"));
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  const auto bad = [](std::string_view why) {
    return fail(ErrorCode::invalid, "cannot read URL: " + std::string(why));
  };
  if (text.size() > kUrlMaxBytes || !is_clean(text)) return bad("it is too long or has letters a URL cannot have");
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == text.npos) return bad("no scheme (want https:// or http://)");
  std::string scheme(text.substr(0, scheme_end));
  std::ranges::transform(scheme, scheme.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (scheme != "http" && scheme != "https") return bad("another scheme (want https:// or http://)");

  Url url;
  url.is_https = scheme == "https";
  url.port = url.is_https ? 443 : 80;
  std::string_view rest = text.substr(scheme_end + 3);
  rest = rest.substr(0, rest.find('#'));
  const std::size_t authority_end = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view host = rest.substr(0, authority_end);
  rest.remove_prefix(authority_end);
  if (host.contains('@')) return bad("credentials in a URL are not taken");

  std::string_view port;
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    if (end == host.npos || !ipv6_of(host.substr(1, end - 1))) return bad("a malformed IPv6 address");
    port = host.substr(end + 1);
    host = host.substr(1, end - 1);
  } else {
    const std::size_t colon = host.find(':');
    port = colon == host.npos ? "" : host.substr(colon);
    host = host.substr(0, colon);
  }
  if (!port.empty()) {
    port.remove_prefix(port.front() == ':' ? 1 : port.size());
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (port.empty() || error != std::errc() || end != port.data() + port.size() || url.port == 0)
      return bad("a malformed port");
  }
  url.host = host;
  std::ranges::transform(url.host, url.host.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (url.host.ends_with('.')) url.host.pop_back();
  if (url.host.empty() || (!url.is_ipv6() && !std::ranges::all_of(url.host, is_host_letter)) ||
      url.host.contains("..") || url.host.starts_with('.') || url.host.ends_with('.')) {
    return bad("a malformed host");
  }
  const std::size_t query = rest.find('?');
  url.path = rest.substr(0, query);
  if (query != rest.npos) url.query = rest.substr(query + 1);
  return url;
}

std::string Url::authority() const {
  std::string text = is_ipv6() ? "[" + host + "]" : host;
  if (port != (is_https ? 443 : 80)) text.append(":").append(std::to_string(port));
  return text;
}

std::string Url::origin() const { return (is_https ? "https://" : "http://") + authority(); }

std::string percent_encoded(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string result;
  for (const char letter : text) {
    const bool is_unreserved = is_digit(letter) || (letter >= 'a' && letter <= 'z') ||
                               (letter >= 'A' && letter <= 'Z') || std::string_view("-._~").contains(letter);
    if (is_unreserved) {
      result.push_back(letter);
    } else {
      const auto code = static_cast<unsigned char>(letter);
      result.append({'%', kHex[code >> 4U], kHex[code & 15U]});
    }
  }
  return result;
}

bool is_ip_address(std::string_view host) { return ipv4_of(host) || ipv6_of(host); }

bool is_private_host(std::string_view host) {
  if (const auto ip = ipv4_of(host)) return is_private_ipv4(*ip);
  if (const auto ip = ipv6_of(host)) return is_private_ipv6(*ip);
  if (!host.contains('.') || is_numeric_form(host)) return true;
  static constexpr std::array<std::string_view, 9> kPrivateSuffixes{
      ".localhost", ".local", ".internal", ".svc", ".lan", ".home", ".corp", ".intranet", ".home.arpa"};
  return std::ranges::any_of(kPrivateSuffixes, [&](std::string_view suffix) { return host.ends_with(suffix); });
}

}  // namespace lifeboat::upstream
