#include "upstream/inspected_source.h"

#include <utility>

namespace lifeboat::upstream {

Task<blob::ResolvedTag> InspectedSource::resolve(Call call, oci::RepositoryId repository, oci::Tag tag) {
  const oci::Reference reference(std::move(tag));
  LB_CO_TRY(const auto head, co_await asked_.head(call, repository.name, blob::Inspector::Thing::manifest, reference));
  if (head.digest) co_return blob::ResolvedTag{.digest = *head.digest, .endpoint = asked_.name()};
  LB_CO_TRY(const auto fetched, co_await manifest(std::move(call), std::move(repository), reference));
  co_return blob::ResolvedTag{.digest = oci::Digest::of(HashAlgorithm::sha256, as_bytes(fetched.bytes)),
                              .endpoint = asked_.name()};
}

Task<blob::FetchedManifest> InspectedSource::manifest(Call call, oci::RepositoryId repository,
                                                      oci::Reference reference) {
  const std::string what = reference.to_string();
  LB_CO_TRY(auto answered, co_await asked_.manifest(std::move(call), std::move(repository.name), std::move(reference)));
  if (answered.is_too_long) {
    co_return fail(ErrorCode::corrupt, "cannot get manifest '" + what + "': it is longer than any may be");
  }
  co_return blob::FetchedManifest{
      .bytes = std::move(answered.bytes), .content_type = std::move(answered.content_type), .endpoint = asked_.name()};
}

Task<std::unique_ptr<blob::Stream>> InspectedSource::open(Call call, oci::RepositoryId repository, oci::Digest digest,
                                                          uint64_t from) {
  co_return co_await asked_.open_at(std::move(call), std::move(repository.name), digest, from);
}

Task<blob::Source::TagPage> InspectedSource::tags(Call call, oci::RepositoryId repository, std::string last,
                                                  std::size_t limit) {
  co_return co_await asked_.tags(std::move(call), std::move(repository.name), std::move(last), limit);
}

Task<std::vector<oci::Referrer>> InspectedSource::referrers(Call call, oci::RepositoryId repository,
                                                            oci::Digest subject) {
  co_return co_await asked_.referrers(std::move(call), std::move(repository.name), subject);
}

}  // namespace lifeboat::upstream
