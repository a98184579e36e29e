#include "server/any_upstream.h"

#include <algorithm>

#include "oci/host_pattern.h"

namespace lifeboat::server {

std::string with_host(std::string_view text, std::string_view host) {
  std::string out;
  while (true) {
    const std::size_t place = text.find(kHostPlaceholder);
    out.append(text.substr(0, place));
    if (place == std::string_view::npos) return out;
    out.append(host);
    text.remove_prefix(place + kHostPlaceholder.size());
  }
}

UpstreamConfig config_for(const UpstreamConfig& any, const oci::RegistryHost& host) {
  UpstreamConfig config = any;
  config.host = host.to_string();
  config.allow.clear();
  for (EndpointConfig& endpoint : config.endpoints) {
    endpoint.url = with_host(endpoint.url, config.host);
    endpoint.rewrite = with_host(endpoint.rewrite, config.host);
  }
  return config;
}

bool allows(const UpstreamConfig& any, const oci::RegistryHost& host) {
  return std::ranges::any_of(any.allow, [&](const std::string& entry) {
    const auto pattern = oci::HostPattern::parse(entry);
    return pattern && pattern->matches(host);
  });
}

bool is_of_each_host(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  return url.substr(0, url.find('/')).find(kHostPlaceholder) != std::string_view::npos;
}

}  // namespace lifeboat::server
