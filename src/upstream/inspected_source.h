#pragma once

#include "blob/source.h"
#include "upstream/inspector.h"

namespace lifeboat::upstream {

/// A registry that is asked directly, without a breaker, as a source: for whoever waits for an answer and has nowhere
/// else to ask. The host of a repository's name means nothing to it. Any thread; `asked` outlives it.
class InspectedSource final : public blob::Source {
 public:
  explicit InspectedSource(RegistryInspector& asked) : asked_(asked) {}

  Task<blob::ResolvedTag> resolve(Call call, oci::RepositoryId repository, oci::Tag tag) override;
  Task<blob::FetchedManifest> manifest(Call call, oci::RepositoryId repository, oci::Reference reference) override;
  Task<std::unique_ptr<blob::Stream>> open(Call call, oci::RepositoryId repository, oci::Digest digest,
                                           uint64_t from) override;
  Task<TagPage> tags(Call call, oci::RepositoryId repository, std::string last, std::size_t limit) override;
  Task<std::vector<oci::Referrer>> referrers(Call call, oci::RepositoryId repository, oci::Digest subject) override;
  bool is_short_of_requests() const override { return asked_.is_short_of_requests(); }

 private:
  RegistryInspector& asked_;
};

}  // namespace lifeboat::upstream
