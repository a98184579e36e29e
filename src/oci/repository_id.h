#pragma once

#include <compare>
#include <functional>
#include <optional>
#include <string>

#include "oci/repository.h"

namespace lifeboat::oci {

/// Which repository, in this whole process: hosted here (no host), or of an upstream registry.
struct RepositoryId {
  std::optional<RegistryHost> host;  ///< nothing: hosted here
  Repository name;

  bool is_hosted() const { return !host.has_value(); }
  /// "team/app", or "ghcr.io/team/app": what clients put into the path.
  std::string to_string() const { return host ? host->to_string() + "/" + name.to_string() : name.to_string(); }
  friend auto operator<=>(const RepositoryId&, const RepositoryId&) = default;
};

}  // namespace lifeboat::oci

template <>
struct std::hash<lifeboat::oci::RepositoryId> {
  std::size_t operator()(const lifeboat::oci::RepositoryId& id) const noexcept {
    return std::hash<std::string>{}(id.to_string());
  }
};
