#include "upstream/realm_trust.h"

#include <algorithm>
#include <array>
#include <utility>

namespace lifeboat::upstream {
namespace {

/// Registries whose realm is on another domain, or below a domain that many share.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kPartners{{
    {"registry-1.docker.io", "auth.docker.io"},
    {"registry.gitlab.com", "gitlab.com"},
    {"nvcr.io", "authn.nvidia.com"},
    {"docker.elastic.co", "docker-auth.elastic.co"},
}};

/// Domains below which every name is somebody else's, of those that hold registries or pages anybody can rent.
constexpr std::array<std::string_view, 28> kSharedDomains{"github.io",      "gitlab.io",
                                                          "azurecr.io",     "azurewebsites.net",
                                                          "windows.net",    "azure.com",
                                                          "amazonaws.com",  "cloudfront.net",
                                                          "googleapis.com", "appspot.com",
                                                          "run.app",        "pkg.dev",
                                                          "web.app",        "herokuapp.com",
                                                          "workers.dev",    "pages.dev",
                                                          "r2.dev",         "vercel.app",
                                                          "netlify.app",    "fly.dev",
                                                          "aliyuncs.com",   "oraclecloud.com",
                                                          "ocir.io",        "ngrok.io",
                                                          "ngrok-free.app", "digitaloceanspaces.com",
                                                          "duckdns.org",    "dyndns.org"};

/// Second-level labels that registries of countries hand out names below: co.uk, com.au, or.jp …
constexpr std::array<std::string_view, 18> kSecondLevels{"co", "com", "org",  "net", "ac",  "gov", "edu", "ne", "or",
                                                         "go", "gob", "gouv", "mil", "nom", "id",  "web", "in", "gr"};

bool is_below(std::string_view host, std::string_view domain) {
  return host.size() > domain.size() && host.ends_with(domain) && host[host.size() - domain.size() - 1] == '.';
}

/// The last `count` labels.
std::string_view last_labels(std::string_view host, int count) {
  std::size_t dot = host.size();
  for (; count > 0 && dot != host.npos && dot != 0; --count) dot = host.rfind('.', dot - 1);
  return dot == host.npos || dot == 0 ? host : host.substr(dot + 1);
}

bool is_trusted_host(const Url& endpoint, std::string_view realm, const std::vector<std::string>& trusted_hosts) {
  if (realm == endpoint.host || std::ranges::find(trusted_hosts, realm) != trusted_hosts.end()) return true;
  if (std::ranges::find(kPartners, std::pair<std::string_view, std::string_view>(endpoint.host, realm)) !=
      kPartners.end()) {
    return true;
  }
  return registrable_domain(endpoint.host) == registrable_domain(realm);
}

}  // namespace

std::string_view registrable_domain(std::string_view host) {
  if (is_ip_address(host) || !host.contains('.')) return host;
  for (const std::string_view shared : kSharedDomains) {
    if (host == shared || is_below(host, shared)) return host;
  }
  const std::string_view last_two = last_labels(host, 2);
  const std::string_view second = last_two.substr(0, last_two.find('.'));
  const std::string_view top = last_labels(host, 1);
  const bool is_country = top.size() == 2;
  if (is_country && std::ranges::find(kSecondLevels, second) != kSecondLevels.end()) return last_labels(host, 3);
  return last_two;
}

RealmTrust judge_realm(const Url& endpoint, const Url& realm, const std::vector<std::string>& trusted_hosts) {
  if (!realm.is_https && (endpoint.is_https || realm.host != endpoint.host)) return RealmTrust::refused;
  if (is_trusted_host(endpoint, realm.host, trusted_hosts)) return RealmTrust::with_credentials;
  if (is_private_host(realm.host) && !is_private_host(endpoint.host)) return RealmTrust::refused;
  return RealmTrust::anonymous;
}

}  // namespace lifeboat::upstream
