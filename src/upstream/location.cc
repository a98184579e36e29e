#include "upstream/location.h"

namespace lifeboat::upstream {
namespace {

std::unexpected<Error> refuse(std::string_view location, std::string_view why) {
  const std::string_view shown = location.substr(0, std::min(location.find_first_of("?#"), std::size_t{200}));
  return fail(ErrorCode::corrupt, "cannot use upload location '" + std::string(shown) + "': " + std::string(why));
}

/// `location` as an absolute URL (RFC 3986 §5.2).
std::string resolved(std::string_view asked, std::string_view location) {
  if (location.starts_with("http://") || location.starts_with("https://")) return std::string(location);
  const std::size_t authority = asked.find("://") + 3;
  if (location.starts_with("//")) return std::string(asked.substr(0, authority - 2)).append(location);
  const std::size_t path = std::min(asked.find_first_of("/?#", authority), asked.size());
  if (location.starts_with('/')) return std::string(asked.substr(0, path)).append(location);
  const std::string_view without_query = asked.substr(0, asked.find_first_of("?#"));
  if (location.starts_with('?')) return std::string(without_query).append(location);
  const std::size_t slash = without_query.rfind('/');
  const bool has_path = slash != std::string_view::npos && slash >= path;
  return (has_path ? std::string(without_query.substr(0, slash + 1)) : std::string(asked.substr(0, path)) + "/")
      .append(location);
}

}  // namespace

Result<UploadLocation> upload_location(const Url& endpoint, std::string_view asked, std::string_view location) {
  if (location.empty()) return refuse(location, "the answer has none");
  const bool has_scheme = location.substr(0, location.find_first_of("/?#")).contains(':');
  const bool is_http = location.starts_with("http://") || location.starts_with("https://");
  if (has_scheme && !is_http) return refuse(location, "neither http:// nor https://");
  std::string url = resolved(asked, location.substr(0, location.find('#')));
  auto parsed = Url::parse(url);
  if (!parsed) return refuse(location, "it is no URL");
  const bool is_own_name = parsed->host == endpoint.host && (parsed->port == endpoint.port || parsed->port == 80);
  if (endpoint.is_https && !parsed->is_https && is_own_name) {
    url = endpoint.origin() + parsed->path + (parsed->query.empty() ? "" : "?" + parsed->query);
    return UploadLocation{std::move(url), true};
  }
  if (parsed->origin() == endpoint.origin()) return UploadLocation{std::move(url), true};
  if (endpoint.is_https && !parsed->is_https) return refuse(location, "another host without TLS");
  if (is_private_host(parsed->host) && !is_private_host(endpoint.host)) {
    return refuse(location, "a private address, of a registry that is at none");
  }
  return UploadLocation{std::move(url), false};
}

std::string commit_url(std::string_view url, const oci::Digest& digest) {
  return std::string(url)
      .append(url.contains('?') ? "&" : "?")
      .append("digest=")
      .append(percent_encoded(digest.to_string()));
}

}  // namespace lifeboat::upstream
