#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sys/clock.h"
#include "upstream/ranged_stream.h"
#include "upstream/source.h"

namespace lifeboat::upstream {

/// An endpoint whose big blobs come in several requests at a time (ranged_stream.h), because it gives a single
/// connection less than it could. Everything else is the endpoint's own; while it says that it will soon take no more
/// requests, blobs are too. Any thread.
class RangedSource final : public blob::Source {
 public:
  RangedSource(std::shared_ptr<RegistrySource> source, sys::Clock& clock, RangeOptions options)
      : source_(std::move(source)), clock_(clock), options_(options) {}

  Task<std::unique_ptr<blob::Stream>> open(Call call, oci::RepositoryId repository, oci::Digest digest,
                                           uint64_t from) override;

  Task<blob::ResolvedTag> resolve(Call call, oci::RepositoryId repository, oci::Tag tag) override {
    return source_->resolve(std::move(call), std::move(repository), std::move(tag));
  }
  Task<blob::FetchedManifest> manifest(Call call, oci::RepositoryId repository, oci::Reference reference) override {
    return source_->manifest(std::move(call), std::move(repository), std::move(reference));
  }
  Task<TagPage> tags(Call call, oci::RepositoryId repository, std::string last, std::size_t limit) override {
    return source_->tags(std::move(call), std::move(repository), std::move(last), limit);
  }
  Task<std::vector<oci::Referrer>> referrers(Call call, oci::RepositoryId repository, oci::Digest subject) override {
    return source_->referrers(std::move(call), std::move(repository), subject);
  }
  bool can_be_asked() const override { return source_->can_be_asked(); }
  bool is_short_of_requests() const override { return source_->is_short_of_requests(); }

 private:
  // constant after construction
  const std::shared_ptr<RegistrySource> source_;
  sys::Clock& clock_;
  const RangeOptions options_;
};

}  // namespace lifeboat::upstream
