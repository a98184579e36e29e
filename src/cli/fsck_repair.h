#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cli/remote_registry.h"
#include "oci/repository.h"
#include "registry/tree/repair.h"

namespace lifeboat::cli {

/// Another registry that has what a tree lost: "HOST[:PORT][/PREFIX]".
struct RepairOrigin {
  oci::RegistryHost host;
  std::string
      prefix{};  ///< stands before the names of repositories there; for a layout, which has none, it is the name

  /// invalid: what is wrong with it.
  static Result<RepairOrigin> parse(std::string_view text);
  /// What a repository of the tree is called there.
  Result<oci::Repository> there(const std::string& repository) const;
};

/// Fetches what repairs need, over one client.
class RepairFetcher {
 public:
  RepairFetcher(RemoteRegistries& registries, RepairOrigin origin);
  /// The first one opens the registry. Blocks.
  Status fetch(const registry::RepairStep& step, registry::TreeRepair& repairer);

 private:
  Task<void> fetch_now(registry::RepairStep step, registry::TreeRepair& repairer);

  RemoteRegistries& registries_;
  const RepairOrigin origin_;
  std::unique_ptr<upstream::RegistryInspector> asked_;
};

}  // namespace lifeboat::cli
