#include "upstream/upstream.h"

#include <utility>

#include "base/assert.h"
#include "upstream/failover.h"

namespace lifeboat::upstream {

Upstream::Upstream(sys::Clock& clock, std::vector<std::unique_ptr<blob::Source>> endpoints)
    : clock_(clock), endpoints_(std::move(endpoints)) {
  LB_ASSERT(!endpoints_.empty());
}
Upstream::~Upstream() = default;

template <class Value, class Ask>
Task<Value> Upstream::first_of(Call call, Ask ask) {
  std::vector<Error> failures;
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    const SteadyTime until = share_of(clock_.now(), call.deadline(), endpoints_.size() - i);
    Result<Value> result = co_await ask(*endpoints_[i], call.shortened_to(until));
    if (result) co_return result;
    failures.push_back(std::move(result).error());
    if (failures.back().code() == ErrorCode::cancelled) break;
  }
  co_return std::unexpected(most_telling(failures));
}

Task<blob::ResolvedTag> Upstream::resolve(Call call, oci::RepositoryId repository, oci::Tag tag) {
  return first_of<blob::ResolvedTag>(std::move(call), [repository, tag](Source& source, Call share) {
    return source.resolve(std::move(share), repository, tag);
  });
}

Task<blob::FetchedManifest> Upstream::manifest(Call call, oci::RepositoryId repository, oci::Reference reference) {
  return first_of<blob::FetchedManifest>(std::move(call), [repository, reference](Source& source, Call share) {
    return source.manifest(std::move(share), repository, reference);
  });
}

Task<std::unique_ptr<blob::Stream>> Upstream::open(Call call, oci::RepositoryId repository, oci::Digest digest) {
  return first_of<std::unique_ptr<blob::Stream>>(std::move(call), [repository, digest](Source& source, Call share) {
    return source.open(std::move(share), repository, digest);
  });
}

Task<blob::Source::TagPage> Upstream::tags(Call call, oci::RepositoryId repository, std::string last,
                                           std::size_t limit) {
  return first_of<TagPage>(std::move(call), [repository, last, limit](Source& source, Call share) {
    return source.tags(std::move(share), repository, last, limit);
  });
}

Task<std::vector<oci::Referrer>> Upstream::referrers(Call call, oci::RepositoryId repository, oci::Digest subject) {
  return first_of<std::vector<oci::Referrer>>(std::move(call), [repository, subject](Source& source, Call share) {
    return source.referrers(std::move(share), repository, subject);
  });
}

}  // namespace lifeboat::upstream
