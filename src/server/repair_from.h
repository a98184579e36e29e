#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "oci/reference_pattern.h"

namespace lifeboat::server {

/// An entry of `scrub.repair_from`: `[PATTERN=]WHERE`, where WHERE is the host of a configured upstream, the absolute
/// path of a directory in the OCI image layout, or `archive:` and that of a directory with archives in it.
struct RepairFrom {
  std::optional<oci::ReferencePattern> match{};  ///< of hosted repositories; nothing: everything
  std::optional<oci::RegistryHost> host{};
  std::string path{};  ///< "" when it is a host
  bool is_of_archives = false;

  /// invalid: neither.
  static Result<RepairFrom> parse(std::string_view text);
};

}  // namespace lifeboat::server
