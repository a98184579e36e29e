#include "registry/copy/gather.h"

#include <utility>

#include "registry/copy/crew.h"

namespace lifeboat::registry::copy {
namespace {

constexpr Duration kAnswerWithin = std::chrono::minutes(5);
constexpr std::size_t kManifestsMax = 20'000;
constexpr uint64_t kManifestBytesMax = 512 * kMiB;

std::unexpected<Error> refuse(ErrorCode code, const oci::Digest& digest, const std::string& why) {
  return fail(code, "cannot copy manifest '" + digest.to_string() + "': " + why);
}

}  // namespace

Gather::Gather(blob::Source& from, sys::Clock& clock, oci::RepositoryId repository, GatherOptions options)
    : from_(from), clock_(clock), repository_(std::move(repository)), options_(std::move(options)) {}

Task<Plan> Gather::run(Call call, oci::Reference root) {
  waiting_.push_back({.what = std::move(root)});
  co_await work_together(std::max(1U, options_.jobs), [this, &call] { return work(call); });
  if (failure_) co_return std::unexpected(std::move(*failure_));
  LB_CO_CHECK(check_children());
  Finds finds{.root = *root_, .manifests = std::move(found_), .attached = std::move(attached_)};
  Plan plan = plan_of(std::move(finds), options_.platforms);
  plan.missing_referrers = std::move(missing_referrers_);
  co_return plan;
}

/// What refers to one may be named by another as its child.
Status Gather::check_children() const {
  if (missing_referrers_.empty()) return {};
  for (const auto& [digest, found] : found_) {
    for (const oci::Descriptor& child : parts_of(found.manifest, options_.platforms).manifests) {
      if (!found_.contains(child.digest)) return refuse(ErrorCode::not_found, child.digest, "the source has it not");
    }
  }
  return {};
}

Awaitable<void> Gather::work(Call call) {
  for (;;) {
    const uint64_t seen = changed_.version();
    if (waiting_.empty()) {
      if (busy_ == 0) co_return;
      co_await changed_.wait(seen, SteadyTime::max());
      continue;
    }
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    ++busy_;
    auto taken = co_await take(call.shortened_to(clock_.now() + kAnswerWithin), std::move(job));
    --busy_;
    if (!taken) {
      if (!failure_) failure_ = std::move(taken).error();
      waiting_.clear();
    }
    changed_.notify_all();
  }
}

Task<void> Gather::take(Call call, Job job) {
  auto fetched = co_await from_.manifest(call, repository_, job.what);
  if (fetched) co_return co_await take_manifest(std::move(call), job, std::move(*fetched));
  const ErrorCode code = fetched.error().code();
  const bool is_none = code == ErrorCode::not_found || code == ErrorCode::unsupported;
  if (job.is_attached && is_none) co_return Status{};
  if (job.is_referrer && code == ErrorCode::not_found) {
    missing_referrers_.push_back(*job.what.digest());
    co_return Status{};
  }
  co_return std::unexpected(std::move(fetched).error());
}

Task<void> Gather::take_manifest(Call call, const Job& job, blob::FetchedManifest fetched) {
  const oci::Digest* named = job.what.digest();
  const HashAlgorithm algorithm = named == nullptr ? HashAlgorithm::sha256 : named->algorithm();
  const oci::Digest digest = oci::Digest::of(algorithm, as_bytes(fetched.bytes));
  if (named != nullptr && *named != digest) {
    co_return refuse(ErrorCode::corrupt, *named, "the source gives the bytes of " + digest.to_string());
  }
  if (!root_) root_ = digest;
  if (job.is_attached) attached_.emplace_back(*job.what.tag(), digest);
  const bool is_known = found_.contains(digest) || (named == nullptr && !wanted_.insert(digest).second);
  if (is_known) co_return Status{};
  auto manifest = oci::Manifest::parse(as_bytes(fetched.bytes), fetched.content_type);
  if (!manifest) manifest = oci::Manifest::parse(as_bytes(fetched.bytes), "");
  if (!manifest) co_return refuse(ErrorCode::invalid, digest, manifest.error().message());
  const Parts parts = parts_of(*manifest, options_.platforms);
  if (!parts.lacking.empty()) {
    co_return refuse(ErrorCode::not_found, digest, "it has nothing for " + parts.lacking.front().to_string());
  }
  bytes_ += fetched.bytes.size();
  if (found_.size() >= kManifestsMax || bytes_ > kManifestBytesMax || job.level >= kDepthMax) {
    co_return refuse(ErrorCode::invalid, digest, "it leads to more manifests than are taken");
  }
  Found found{.bytes = std::move(fetched.bytes), .manifest = std::move(*manifest)};
  if (options_.has_referrers) {
    const auto referrers = co_await from_.referrers(std::move(call), repository_, digest);
    const bool are_none = !referrers && referrers.error().code() == ErrorCode::not_found;
    if (!referrers && !are_none) co_return std::unexpected(referrers.error());
    if (referrers) {
      for (const oci::Referrer& one : *referrers) found.referrers.push_back(one.digest);
    }
    const bool may_have_attached = !job.is_attached && !found.manifest.subject;
    const auto tags = may_have_attached ? attached_tags(digest) : std::vector<oci::Tag>{};
    for (const oci::Tag& tag : tags) {
      waiting_.push_back({.what = oci::Reference(tag), .level = job.level + 1, .is_attached = true});
    }
  }
  for (const oci::Descriptor& child : parts.manifests)
    want({.what = oci::Reference(child.digest), .level = job.level + 1});
  for (const oci::Digest& referrer : found.referrers) {
    want({.what = oci::Reference(referrer), .level = job.level + 1, .is_referrer = true});
  }
  found_.insert_or_assign(digest, std::move(found));
  changed_.notify_all();
  co_return Status{};
}

void Gather::want(Job job) {
  if (wanted_.insert(*job.what.digest()).second) waiting_.push_back(std::move(job));
}

}  // namespace lifeboat::registry::copy
