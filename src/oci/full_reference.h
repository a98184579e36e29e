#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "oci/reference.h"
#include "oci/repository.h"

namespace lifeboat::oci {

/// A manifest as people write it: `[HOST/]NAME[:TAG][@DIGEST]`, as in "nginx", "team/app:v1" and
/// "ghcr.io/org/app@sha256:…". What stands before the first '/' is a host when it has a '.' or a ':', or is
/// "localhost", as Docker has it.
struct FullReference {
  std::optional<RegistryHost> host;  ///< nothing: none is named
  Repository repository;
  Reference reference;  ///< the digest, when there are a tag and a digest; the tag "latest", when there is neither

  /// invalid: the text is none, and in what.
  static Result<FullReference> parse(std::string_view text);
  /// With everything that was left out but the host.
  std::string to_string() const;
  friend auto operator<=>(const FullReference&, const FullReference&) = default;
};

}  // namespace lifeboat::oci
