#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "base/error.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "oci/repository.h"

namespace lifeboat::registry::verify {

/// What of a registry people want to be looked at: `[HOST/]NAME` for all its tags, `[HOST/]NAME:TAG`, where a `*` in
/// the tag stands for any text, and `[HOST/]NAME[:TAG]@DIGEST`. Without a host it is Docker Hub's, as for Docker; what
/// stands before the first '/' is a host when it has a '.' or a ':', or is "localhost".
struct Wanted {
  struct Tags {
    std::string pattern;  ///< "*" for all
    bool has(const oci::Tag& tag) const;
  };
  oci::RegistryHost host;
  oci::Repository repository;
  std::variant<oci::Reference, Tags> what;

  /// invalid: the text is none, and in what.
  static Result<Wanted> parse(std::string_view text);
  /// "host/name:pattern"
  std::string to_string() const;
};

}  // namespace lifeboat::registry::verify
