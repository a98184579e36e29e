#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace lifeboat::oci {

/// What a child of an index runs on (OCI image-spec image-index.md); all empty: not said.
struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;

  /// False for what is no program to run, such as an attestation: nothing is said, or "unknown".
  bool is_known() const;
  /// "linux/arm64", "linux/arm/v7", as clients write it; the variant that an architecture has anyway (v8 of arm64, v7
  /// of arm, v1 of amd64) is left out, since publishers differ in writing it.
  std::string to_string() const;
  /// Reads "os/architecture[/variant]". invalid, with what was wanted.
  static Result<Platform> parse(std::string_view text);
  friend bool operator==(const Platform&, const Platform&) = default;
};

}  // namespace lifeboat::oci
