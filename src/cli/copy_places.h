#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/full_reference.h"
#include "oci/repository.h"

/// What people write for where a copy comes from and goes to. Pure.
namespace lifeboat::cli {

/// `[HOST/]NAME[:TAG][@DIGEST]`, or `oci:DIR[:NAME]`.
struct CopySource {
  std::optional<oci::RegistryHost> host{};  ///< nothing: a layout
  std::string directory{};                  ///< of a layout
  std::string layout_name{};                ///< in it; "" for its only one
  std::optional<oci::Repository> repository{};
  std::optional<oci::Reference> reference{};
  /// The tag it has, for targets that are given none.
  std::optional<oci::Tag> tag() const;
};
Result<CopySource> parse_copy_source(std::string_view text);

/// One repository with all tags that were named for it, or one layout.
struct CopyTarget {
  std::optional<oci::RegistryHost> host{};  ///< nothing: a layout
  std::string directory{};
  std::optional<oci::Repository> repository{};
  std::vector<oci::Tag> tags{};
  std::string name() const;  ///< "ghcr.io/team/app", "oci:/srv/layout"
};
/// `[HOST/]NAME[:TAG]` and `oci:DIR[:TAG]`. Several for one place become one. Without a tag it is `otherwise`; nothing:
/// a registry is given it by its digest alone. invalid: what is none, or a digest, or a layout without any tag.
Result<std::vector<CopyTarget>> parse_copy_targets(const std::vector<std::string>& texts,
                                                   const std::optional<oci::Tag>& otherwise);

}  // namespace lifeboat::cli
