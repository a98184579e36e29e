#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/error.h"

namespace lifeboat::oci {

/// A repository's name: `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` joined by `/` (OCI distribution-spec 1.1, W14), at most 255
/// letters.
class Repository {
 public:
  static Result<Repository> parse(std::string_view text);
  const std::string& to_string() const { return name_; }
  friend auto operator<=>(const Repository&, const Repository&) = default;

 private:
  explicit Repository(std::string name) : name_(std::move(name)) {}
  std::string name_;
};

/// A registry's address as people write it: "ghcr.io", "registry.example:5000", "[::1]:5000". Lower case; a trailing
/// dot goes. "index.docker.io" and "registry-1.docker.io" are "docker.io" (W85).
class RegistryHost {
 public:
  static Result<RegistryHost> parse(std::string_view text);
  const std::string& to_string() const { return host_; }
  bool is_docker_hub() const { return host_ == "docker.io"; }
  friend auto operator<=>(const RegistryHost&, const RegistryHost&) = default;

 private:
  explicit RegistryHost(std::string host) : host_(std::move(host)) {}
  std::string host_;
};

}  // namespace lifeboat::oci
