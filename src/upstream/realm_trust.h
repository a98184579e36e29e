#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "upstream/url.h"

namespace lifeboat::upstream {

/// What may be sent to the token endpoint that a registry names.
enum class RealmTrust {
  with_credentials,
  anonymous,  ///< a request without credentials
  refused,    ///< no request at all
};

/// W90: a registry that was taken over, or a mirror that lies, must not collect our credentials by naming a realm of
/// its own, nor make us knock at doors of our own network.
///
/// Credentials go to the endpoint's own host, to hosts of the same registrable domain, to the known partner of a known
/// registry, and to `trusted_hosts`. All over https, except that an endpoint on http may name a realm on http of the
/// same host. Requests without credentials go to any other https realm, but to a private address only from an endpoint
/// on one. A name that resolves to a private address is not seen here: this looks at what is written.
RealmTrust judge_realm(const Url& endpoint, const Url& realm, const std::vector<std::string>& trusted_hosts);

/// The part of a host that one owner registered: "a.b.example.co.uk" → "example.co.uk"; the whole host for an address
/// and below the domains where every name has an owner of its own (github.io, azurecr.io, amazonaws.com …).
std::string_view registrable_domain(std::string_view host);

}  // namespace lifeboat::upstream
