#include "oci/host_pattern.h"

#include <algorithm>
#include <cstddef>

#include "oci/glob.h"
#include "oci/text.h"

namespace lifeboat::oci {
namespace {

constexpr std::size_t kNameMax = 253;

struct Split {
  std::string_view name;
  std::string_view port;
  bool has_port = false;
};

/// At the ':' behind which a port stands; those of an IPv6 address are in brackets.
Split split(std::string_view host) {
  const std::size_t bracket = host.rfind(']');
  const std::size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon == std::string_view::npos) return {host, {}, false};
  return {host.substr(0, colon), host.substr(colon + 1), true};
}

bool has_star(std::string_view text) { return text.find('*') != std::string_view::npos; }

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

bool is_pattern_letter(char letter) {
  return (letter >= 'a' && letter <= 'z') || is_digit(letter) || letter == '.' || letter == '-' || letter == '*';
}

/// Whether a system may take the name for a number ("127.1", "0x7f000001"): then its last label is one. No name of the
/// DNS ends so.
bool is_number(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('.') + 1);
  return last.starts_with("0x") || std::ranges::all_of(last, is_digit);
}

/// A name that every resolver looks up in the DNS and nowhere nearer (RFC 6761 §6.3 for localhost).
bool is_dns_name(std::string_view name) {
  return !name.starts_with('[') && name.find('.') != std::string_view::npos && !is_number(name) &&
         !name.ends_with(".localhost");
}

}  // namespace

Result<HostPattern> HostPattern::parse(std::string_view text) {
  const auto refuse = [text] {
    return fail(ErrorCode::invalid, "cannot parse host pattern " + quote(text) +
                                        ": malformed (want a host, for example 'quay.io', '*.example.com' or "
                                        "'registry.example:5000')");
  };
  if (!has_star(text)) {
    const auto host = RegistryHost::parse(text);
    if (!host) return refuse();
    const Split parts = split(host->to_string());
    return HostPattern(parts.name, parts.port);
  }
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  Split parts = split(lower);
  // The part without a star is checked, and brought to its normal form, as that of a host.
  const auto checked_port = RegistryHost::parse("a:" + std::string(parts.port));
  if (parts.has_port && parts.port != "*" && !checked_port) return refuse();
  const std::string port = !parts.has_port || parts.port == "*" ? std::string(parts.port)
                                                                : std::string(split(checked_port->to_string()).port);
  if (!has_star(parts.name)) {
    const auto host = RegistryHost::parse(parts.name);
    if (!host) return refuse();
    return HostPattern(host->to_string(), port);
  }
  if (parts.name.ends_with('.')) parts.name.remove_suffix(1);
  if (parts.name.size() > kNameMax || !std::ranges::all_of(parts.name, is_pattern_letter)) return refuse();
  return HostPattern(parts.name, port);
}

std::string HostPattern::to_string() const { return port_.empty() ? name_ : name_ + ":" + port_; }

bool HostPattern::matches(const RegistryHost& host) const {
  const Split given = split(host.to_string());
  if (port_ != "*" && port_ != given.port) return false;
  return has_star(name_) ? is_dns_name(given.name) && matches_glob(name_, given.name) : name_ == given.name;
}

}  // namespace lifeboat::oci
