#pragma once

#include <string>
#include <string_view>

#include "oci/repository.h"
#include "server/config.h"

/// The upstream of the host `*`: one configuration for every host that its `allow` permits.
namespace lifeboat::server {

/// What stands for the host in an endpoint's `url` and `rewrite`.
inline constexpr std::string_view kHostPlaceholder = "{host}";

/// The text with the host in each place that is kept for it.
std::string with_host(std::string_view text, std::string_view host);

/// What this host gets; nothing of `*` is left in it.
UpstreamConfig config_for(const UpstreamConfig& any, const oci::RegistryHost& host);

/// Whether `allow` permits the host.
bool allows(const UpstreamConfig& any, const oci::RegistryHost& host);

/// Whether the host decides who is asked, not only for what: "https://{host}", unlike "https://harbor.example/{host}".
bool is_of_each_host(std::string_view url);

}  // namespace lifeboat::server
