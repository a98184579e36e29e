#pragma once

#include <map>
#include <optional>
#include <string>

#include "blob/inspector.h"
#include "registry/adopt/origin.h"

namespace lifeboat::registry::adopt {

/// A registry that runs, over its API.
class RegistryOrigin final : public Origin {
 public:
  /// `only`: the one repository that is wanted, so that the registry need not have a catalog. `asked` outlives this.
  RegistryOrigin(blob::Inspector& asked, std::optional<oci::Repository> only) : asked_(asked), only_(std::move(only)) {}

  Task<std::vector<std::string>> repositories(Call call) override;
  Task<Names> names(Call call, std::string repository) override;
  Task<std::string> manifest(Call call, std::string repository, oci::Digest digest) override;
  Task<std::vector<oci::Digest>> referrers(Call call, std::string repository, oci::Digest subject) override;
  Task<Landing::Landed> bring(Call call, std::string repository, WantedBlob blob, Landing& landing) override;
  Task<std::optional<uint64_t>> look(Call call, std::string repository, oci::Digest digest) override;

 private:
  /// Whatever it answers, it is no longer than a manifest may be.
  Task<blob::Inspector::Answered> ask_for_manifest(Call call, oci::Repository repository, oci::Reference reference);
  Task<oci::Digest> resolve(Call call, oci::Repository repository, oci::Tag tag);

  blob::Inspector& asked_;
  const std::optional<oci::Repository> only_;
  std::map<oci::Digest, std::string> answered_{};  ///< manifests that came when a tag was asked for
};

}  // namespace lifeboat::registry::adopt
