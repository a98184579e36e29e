#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace lifeboat::upstream {

/// An http or https URL in its parts, as far as trust is decided by them. Strict: what two parsers may read differently
/// (credentials before the host, a backslash, spaces, letters beyond ASCII) is no URL.
struct Url {
  bool is_https = true;
  std::string host;  ///< lower case, without brackets, without a trailing dot
  uint16_t port = 443;
  std::string path;   ///< "" or "/…", without query and fragment
  std::string query;  ///< without '?'

  static Result<Url> parse(std::string_view text);
  bool is_ipv6() const { return host.find(':') != std::string::npos; }
  /// "host" or "host:port" when the port is not the scheme's own.
  std::string authority() const;
  /// "https://host:port", without path.
  std::string origin() const;
};

/// `text` with everything but RFC 3986 unreserved letters as %XX.
std::string percent_encoded(std::string_view text);

/// True for an address that is not of the public internet: loopback, private, link-local, shared, unique-local, and the
/// names that mean them (localhost, a single label, .local, .internal, .svc …). A numeric form that is no plain dotted
/// quad (0x7f.1, 2130706433) counts as private, since resolvers read it as an address.
bool is_private_host(std::string_view host);
bool is_ip_address(std::string_view host);

}  // namespace lifeboat::upstream
