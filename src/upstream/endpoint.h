#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "oci/repository_id.h"
#include "sys/http_client.h"
#include "upstream/health.h"
#include "upstream/rate_limit.h"
#include "upstream/rewrite.h"
#include "upstream/url.h"

namespace lifeboat::upstream {

/// One address of a remote registry, as it is configured.
struct EndpointOptions {
  /// "https://ghcr.io" or "https://mirror.example:8443/prefix": requests go to <url>/v2/<name>/…
  std::string url{};
  std::string match{};    ///< repositories it is asked for, see Rewrite; empty: all
  std::string rewrite{};  ///< what they are called there; empty: the same
  /// One way to log in, or none: anonymous. Secrets are read when they are first needed and again when they were
  /// refused.
  std::string username{};
  std::string password{};            ///< of `username`
  std::string password_file{};       ///< of `username`
  std::string password_env{};        ///< of `username`: the variable that has it
  std::string docker_config{};       ///< a Docker config.json
  std::string credential_helper{};   ///< docker-credential-<this>
  std::string ca_file{};             ///< PEM bundle instead of the system's
  std::string client_certificate{};  ///< PEM file, with its key
  std::string client_key{};
  bool skip_verify = false;                ///< accept any certificate
  std::vector<std::string> realm_hosts{};  ///< further hosts whose token endpoint may see the credentials (W90)
  sys::HttpDeadlines deadlines{};
  HealthOptions health{};
  RateFloor rate_floor{};
  Duration credential_check_every{};  ///< 0: never, see RegistrySource::check_credentials
  friend bool operator==(const EndpointOptions&, const EndpointOptions&) = default;
};

/// An address that was checked, and what is derived from it.
class Endpoint {
 public:
  /// invalid: the URL is none, has a query, or a password comes without a user name.
  static Result<Endpoint> make(EndpointOptions options);

  const EndpointOptions& options() const { return options_; }
  bool has_login() const;
  const Url& url() const { return url_; }
  /// "mirror.example:8443/prefix": in messages, logs and labels.
  const std::string& name() const { return name_; }
  /// The URL of "/v2/…" there.
  std::string url_of(std::string_view path) const { return base_ + std::string(path); }
  /// The name of a repository there: Docker Hub's "alpine" is "library/alpine" (W86), then rewritten. not_found: the
  /// endpoint is not for this one. invalid: what it is rewritten to is no name.
  Result<std::string> repository_of(const oci::RepositoryId& repository) const;
  sys::HttpTrust trust() const;

 private:
  Endpoint(EndpointOptions options, Url url, Rewrite rewrite);

  EndpointOptions options_;
  Url url_;
  Rewrite rewrite_;
  std::string name_;
  std::string base_;
};

}  // namespace lifeboat::upstream
