#include "upstream/endpoint.h"

#include <utility>

namespace lifeboat::upstream {
namespace {

constexpr std::string_view kDockerHubApi = "registry-1.docker.io";

}  // namespace

Result<Endpoint> Endpoint::make(EndpointOptions options) {
  auto url = Url::parse(options.url);
  if (!url) return std::unexpected(std::move(url).error().with_context("of an upstream's endpoint"));
  const auto bad = [&](std::string_view why) {
    return fail(ErrorCode::invalid, "cannot use endpoint '" + url->authority() + "': " + std::string(why));
  };
  if (!url->query.empty()) return bad("its URL has a query");
  const bool has_password = !options.password.empty() || !options.password_file.empty();
  if (has_password && options.username.empty()) return bad("a password without a username");
  if (!options.username.empty() && !has_password) return bad("a username without a password or password_file");
  // "docker.io" is what people write; its registry has another name (W85).
  if (url->host == "docker.io" || url->host == "index.docker.io") url->host = kDockerHubApi;
  while (url->path.ends_with('/')) url->path.pop_back();
  return Endpoint(std::move(options), std::move(*url));
}

Endpoint::Endpoint(EndpointOptions options, Url url)
    : options_(std::move(options)),
      url_(std::move(url)),
      name_(url_.authority() + url_.path),
      base_(url_.origin() + url_.path) {}

sys::HttpTrust Endpoint::trust() const {
  sys::HttpTrust trust;
  trust.ca_file = options_.ca_file;
  trust.skip_verify = options_.skip_verify;
  return trust;
}

std::string Endpoint::repository_of(const oci::RepositoryId& repository) const {
  const std::string& name = repository.name.to_string();
  const bool is_docker_hub = url_.host == kDockerHubApi || (repository.host && repository.host->is_docker_hub());
  return is_docker_hub && name.find('/') == std::string::npos ? "library/" + name : name;
}

}  // namespace lifeboat::upstream
