#pragma once

#include <memory>
#include <vector>

#include "blob/source.h"
#include "sys/clock.h"

namespace lifeboat::upstream {

/// A remote registry with several ordered endpoints: each is asked until one has the answer. An endpoint that does not
/// have the thing does not end the search, since a mirror may lack what its origin has. Any thread.
class Upstream final : public blob::Source {
 public:
  /// `endpoints` is not empty.
  Upstream(sys::Clock& clock, std::vector<std::unique_ptr<blob::Source>> endpoints);
  ~Upstream() override;

  Task<blob::ResolvedTag> resolve(Call call, oci::RepositoryId repository, oci::Tag tag) override;
  Task<blob::FetchedManifest> manifest(Call call, oci::RepositoryId repository, oci::Reference reference) override;
  Task<std::unique_ptr<blob::Stream>> open(Call call, oci::RepositoryId repository, oci::Digest digest) override;
  Task<TagPage> tags(Call call, oci::RepositoryId repository, std::string last, std::size_t limit) override;
  Task<std::vector<oci::Referrer>> referrers(Call call, oci::RepositoryId repository, oci::Digest subject) override;

 private:
  /// `ask(source, call)` for one endpoint after the other, until one answers.
  template <class Value, class Ask>
  Task<Value> first_of(Call call, Ask ask);

  sys::Clock& clock_;
  const std::vector<std::unique_ptr<blob::Source>> endpoints_;
};

}  // namespace lifeboat::upstream
