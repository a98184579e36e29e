#include "registry/upkeep/capture_walk.h"

#include <algorithm>
#include <utility>

#include "registry/held_manifest.h"

namespace lifeboat::registry {
namespace {

/// The stores' and the manifests' part of a walk; a blob takes as long as it takes.
constexpr Duration kStepWithin = std::chrono::minutes(1);
constexpr int kDepthMax = 4;
/// With all referrers: more hang on no image that people run.
constexpr std::size_t kManifestsMax = 2000;

bool ends_the_walk(ErrorCode code) {
  switch (code) {
    case ErrorCode::unavailable:
    case ErrorCode::timed_out:
    case ErrorCode::too_many:
    case ErrorCode::no_space:
    case ErrorCode::cancelled:
    case ErrorCode::internal: return true;
    default: return false;
  }
}

}  // namespace

CaptureWalk::CaptureWalk(Parts parts, oci::RepositoryId repository, std::shared_ptr<const UpstreamHosts> hosts,
                         const UpstreamHost& upstream, PlatformsWanted wanted, std::string request_id)
    : parts_(parts),
      repository_(std::move(repository)),
      hosts_(std::move(hosts)),
      upstream_(upstream),
      wanted_(std::move(wanted)),
      request_id_(std::move(request_id)) {}

Call CaptureWalk::call() const { return {parts_.clock.now() + kStepWithin, request_id_}; }

Status CaptureWalk::weigh(Error error) {
  if (ends_the_walk(error.code())) return std::unexpected(std::move(error));
  if (!passed_over_) passed_over_ = std::move(error);
  return {};
}

Task<void> CaptureWalk::run(oci::Digest digest) {
  LB_CO_CHECK(co_await complete(digest, 0, wanted_, Part::content));
  is_content_whole_ = !passed_over_;
  // What refers to something may be referred to itself: the list grows while it is gone through.
  for (std::size_t i = 0; upstream_.capture.has_referrers && i < subjects_.size(); ++i) {
    LB_CO_CHECK(co_await complete_referrers(subjects_.at(i)));
    LB_CO_CHECK(co_await complete_signature_tags(subjects_.at(i)));
  }
  if (passed_over_) co_return std::unexpected(*passed_over_);
  co_return Status{};
}

Task<void> CaptureWalk::complete(oci::Digest digest, int depth, const PlatformsWanted& wanted, Part part) {
  if (!seen_.insert(digest).second) co_return Status{};
  if (depth > kDepthMax || seen_.size() > kManifestsMax) {
    co_return weigh(Error(ErrorCode::invalid, "cannot capture manifest '" + digest.to_string() +
                                                  "': it is nested too deep, or too much hangs on it (want at most " +
                                                  std::to_string(kDepthMax) + " levels and " +
                                                  std::to_string(kManifestsMax) + " manifests)"));
  }
  std::string media_type;
  const auto bytes = co_await manifest_of(digest, media_type);
  if (!bytes) co_return weigh(bytes.error());
  const auto manifest = oci::Manifest::parse(as_bytes(*bytes), media_type);
  if (!manifest) co_return weigh(manifest.error());
  moving_.with([](Moving& moving) { ++moving.so_far.manifests; });
  subjects_.push_back(digest);
  if (!manifest->is_index()) co_return co_await complete_blobs(*manifest, part);
  const bool has_programs =
      std::ranges::any_of(manifest->manifests, [](const oci::Descriptor& child) { return child.platform.is_known(); });
  for (const oci::Descriptor& child : children_wanted(*manifest, wanted)) {
    const Part of_child = child.platform.is_known() || !has_programs ? part : Part::attachment;
    LB_CO_CHECK(co_await complete(child.digest, depth + 1, wanted, of_child));
  }
  co_return Status{};
}

/// As it is held, else from the upstream; a child has no capture of its own, it is part of this one.
Task<std::string> CaptureWalk::manifest_of(oci::Digest digest, std::string& media_type) {
  auto held = co_await read_held_manifest(call(), parts_.blobs, parts_.names, repository_, digest);
  if (!held) {
    const bool is_absent = held.error().code() == ErrorCode::not_found || held.error().code() == ErrorCode::corrupt;
    if (!is_absent) co_return std::unexpected(std::move(held).error());
    ManifestFetches::Request request{.repository = repository_,
                                     .reference = oci::Reference(digest),
                                     .source = upstream_.source,
                                     .keep_alive = hosts_};
    LB_CO_TRY(const auto fetched, co_await parts_.manifest_fetches.fetch(call(), std::move(request)));
    held = co_await read_held_manifest(call(), parts_.blobs, parts_.names, repository_, fetched.digest);
    if (!held) co_return std::unexpected(std::move(held).error());
  }
  media_type = std::move(held->record.media_type);
  co_return std::move(held->bytes);
}

Task<void> CaptureWalk::complete_blobs(const oci::Manifest& manifest, Part part) {
  const std::vector<oci::Descriptor> wanted = blobs_wanted(manifest);
  std::vector<oci::Digest> digests;
  digests.reserve(wanted.size());
  for (const oci::Descriptor& blob : wanted) digests.push_back(blob.digest);
  LB_CO_TRY(const std::vector<oci::Digest> missing,
            co_await parts_.names.blobs().missing(call(), repository_, std::move(digests)));
  std::set<oci::Digest> left(missing.begin(), missing.end());
  std::vector<oci::Descriptor> to_fetch;
  for (const oci::Descriptor& blob : wanted) {
    if (left.erase(blob.digest) == 0) continue;
    if (part == Part::attachment) {
      if (blob.size_bytes > attachments_left_bytes_) continue;
      attachments_left_bytes_ -= blob.size_bytes;
    }
    to_fetch.push_back(blob);
  }
  moving_.with([&](Moving& moving) {
    moving.so_far.blobs_wanted += to_fetch.size();
    for (const oci::Descriptor& blob : to_fetch) moving.so_far.bytes_wanted += blob.size_bytes;
  });
  for (const oci::Descriptor& blob : to_fetch) {
    const Status fetched = co_await fetch_blob(blob);
    moving_.with([](Moving& moving) { moving.fetch.reset(); });
    if (!fetched) {
      LB_CO_CHECK(weigh(fetched.error()));
      continue;
    }
    moving_.with([&](Moving& moving) {
      ++moving.so_far.blobs_done;
      moving.so_far.bytes_done += blob.size_bytes;
    });
  }
  co_return Status{};
}

Task<void> CaptureWalk::fetch_blob(const oci::Descriptor& blob) {
  const auto fetch = parts_.blob_fetches.join_or_start(call(), {repository_, blob.digest, upstream_.source, hosts_});
  moving_.with([&](Moving& moving) { moving.fetch = fetch; });
  for (;;) {
    const uint64_t seen = fetch->changed().version();
    const BlobFetch::State now = fetch->state();
    if (now.phase == BlobFetch::State::Phase::committed) co_return Status{};
    if (now.phase == BlobFetch::State::Phase::failed) co_return std::unexpected(*now.failure);
    co_await fetch->changed().wait(seen, SteadyTime::max());
  }
}

/// A registry that has no referrers, or keeps them from us, has none to fetch.
Task<void> CaptureWalk::complete_referrers(oci::Digest subject) {
  const auto referrers = co_await upstream_.source->referrers(call(), repository_, subject);
  if (!referrers) {
    if (ends_the_walk(referrers.error().code())) co_return std::unexpected(referrers.error());
    co_return Status{};
  }
  const PlatformsWanted all{.has_all = true, .names = {}};
  for (const oci::Referrer& referrer : *referrers)
    LB_CO_CHECK(co_await complete(referrer.digest, 0, all, Part::attachment));
  co_return Status{};
}

Task<void> CaptureWalk::complete_signature_tags(oci::Digest subject) {
  for (const oci::Tag& tag : signature_tags_of(subject)) LB_CO_CHECK(co_await complete_signature(tag));
  co_return Status{};
}

Task<void> CaptureWalk::complete_signature(const oci::Tag& tag) {
  const auto resolved = co_await upstream_.source->resolve(call(), repository_, tag);
  if (!resolved) {
    if (ends_the_walk(resolved.error().code())) co_return std::unexpected(resolved.error());
    co_return Status{};
  }
  const auto held = co_await parts_.names.tags().find(call(), repository_, tag);
  oci::Digest digest = resolved->digest;
  if (!held || held->digest != digest) {
    ManifestFetches::Request request{
        .repository = repository_, .reference = oci::Reference(tag), .source = upstream_.source, .keep_alive = hosts_};
    const auto fetched = co_await parts_.manifest_fetches.fetch(call(), std::move(request));
    if (!fetched) co_return weigh(fetched.error());
    digest = fetched->digest;
  }
  const PlatformsWanted all{.has_all = true, .names = {}};
  co_return co_await complete(digest, 0, all, Part::attachment);
}

CaptureProgress CaptureWalk::progress() const {
  return moving_.with([](const Moving& moving) {
    CaptureProgress progress = moving.so_far;
    if (moving.fetch) progress.bytes_done += moving.fetch->state().available_bytes;
    return progress;
  });
}

}  // namespace lifeboat::registry
