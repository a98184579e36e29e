#include "upstream/endpoint.h"

#include <algorithm>
#include <initializer_list>
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
  const auto given = [](std::initializer_list<std::string_view> values) {
    return std::ranges::count_if(values, [](std::string_view value) { return !value.empty(); });
  };
  const auto passwords = given({options.password, options.password_file, options.password_env});
  if (passwords > 0 && options.username.empty()) return bad("a password without a username");
  if (!options.username.empty() && passwords == 0) return bad("a username without a password");
  if (passwords > 1) return bad("more than one password (want one of password_file and password_env)");
  if (given({options.username, options.docker_config, options.credential_helper}) > 1) {
    return bad("more than one login (want one of username, docker_config and credential_helper)");
  }
  if (given({options.client_certificate, options.client_key}) == 1) {
    return bad("a client certificate without its key, or the other way round");
  }
  LB_TRY(Rewrite rewrite, Rewrite::parse(options.match, options.rewrite));
  // "docker.io" is what people write; its registry has another name (W85).
  if (url->host == "docker.io" || url->host == "index.docker.io") url->host = kDockerHubApi;
  while (url->path.ends_with('/')) url->path.pop_back();
  return Endpoint(std::move(options), std::move(*url), std::move(rewrite));
}

Endpoint::Endpoint(EndpointOptions options, Url url, Rewrite rewrite)
    : options_(std::move(options)),
      url_(std::move(url)),
      rewrite_(std::move(rewrite)),
      name_(url_.authority() + url_.path),
      base_(url_.origin() + url_.path) {}

sys::HttpTrust Endpoint::trust() const {
  sys::HttpTrust trust;
  trust.ca_file = options_.ca_file;
  trust.client_certificate = options_.client_certificate;
  trust.client_key = options_.client_key;
  trust.skip_verify = options_.skip_verify;
  return trust;
}

bool Endpoint::has_login() const {
  return !options_.username.empty() || !options_.docker_config.empty() || !options_.credential_helper.empty();
}

Result<std::string> Endpoint::repository_of(const oci::RepositoryId& repository) const {
  std::string name = repository.name.to_string();
  const bool is_docker_hub = url_.host == kDockerHubApi || (repository.host && repository.host->is_docker_hub());
  if (is_docker_hub && name.find('/') == std::string::npos) name = "library/" + name;
  const auto there = rewrite_.apply(name);
  if (!there)
    return fail(ErrorCode::not_found, "cannot ask endpoint '" + name_ + "' for '" + name + "': it is not for it");
  const auto checked = oci::Repository::parse(*there);
  if (!checked) {
    return fail(ErrorCode::invalid, "cannot ask endpoint '" + name_ + "' for '" + name + "': it is rewritten to '" +
                                        *there + "', which is no repository's name");
  }
  return *there;
}

}  // namespace lifeboat::upstream
