#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/call.h"
#include "base/guarded.h"
#include "base/task.h"
#include "blob/store.h"
#include "meta/store.h"
#include "oci/repository_id.h"
#include "registry/blob_fetch.h"
#include "registry/manifest_fetch.h"
#include "registry/upkeep/capture_plan.h"
#include "registry/upstream_host.h"
#include "sys/clock.h"

namespace lifeboat::registry {

/// How far a capture has come.
struct CaptureProgress {
  uint64_t manifests = 0;  ///< looked at
  uint64_t blobs_wanted = 0;
  uint64_t blobs_done = 0;  ///< of these; what was here already is neither
  uint64_t bytes_wanted = 0;
  uint64_t bytes_done = 0;
};

/// Makes one manifest whole: fetches what it names and what refers to it, one thing after the other, each by the same
/// fetches that clients follow. What is here is not fetched again, so a walk that ended early is taken up by the next.
class CaptureWalk {
 public:
  struct Parts {
    blob::Store& blobs;
    meta::Store& names;
    ManifestFetches& manifest_fetches;
    BlobFetches& blob_fetches;
    sys::Clock& clock;
  };
  /// All that hangs on one manifest, together.
  static constexpr uint64_t kAttachmentsMaxBytes = 256 * kMiB;

  /// `upstream` is one of `hosts`. `request_id`: in logs.
  CaptureWalk(Parts parts, oci::RepositoryId repository, std::shared_ptr<const UpstreamHosts> hosts,
              const UpstreamHost& upstream, PlatformsWanted wanted, std::string request_id);

  /// An outage ends the walk at once: unavailable, timed_out, too_many, no_space, cancelled. What the upstream does not
  /// have, or has wrong, is passed over, and the first such failure is given at the end.
  Task<void> run(oci::Digest digest);
  /// All but referrers is here.
  bool is_content_whole() const { return is_content_whole_; }
  CaptureProgress progress() const;  ///< any thread

 private:
  struct Moving {
    CaptureProgress so_far;
    std::shared_ptr<BlobFetch> fetch;  ///< under way now
  };

  Call call() const;
  /// Whether it is what somebody pulls, or what hangs on that (signatures, attestations): of the latter there is a
  /// most, since publishers choose what hangs on what.
  enum class Part : bool { content, attachment };
  Task<void> complete(oci::Digest digest, int depth, const PlatformsWanted& wanted, Part part);
  Task<std::string> manifest_of(oci::Digest digest, std::string& media_type);
  Task<void> complete_blobs(const oci::Manifest& manifest, Part part);
  Task<void> complete_signature(const oci::Tag& tag);
  Task<void> fetch_blob(const oci::Descriptor& blob);
  Task<void> complete_referrers(oci::Digest subject);
  Task<void> complete_signature_tags(oci::Digest subject);
  /// What to do about a failure: pass it on when it ends the walk, else remember it.
  Status weigh(Error error);

  const Parts parts_;
  const oci::RepositoryId repository_;
  const std::shared_ptr<const UpstreamHosts> hosts_;
  const UpstreamHost& upstream_;
  const PlatformsWanted wanted_;
  const std::string request_id_;

  std::set<oci::Digest> seen_;
  std::vector<oci::Digest> subjects_;  ///< whose referrers are still to be looked for
  std::optional<Error> passed_over_;
  bool is_content_whole_ = false;
  uint64_t attachments_left_bytes_ = kAttachmentsMaxBytes;
  Guarded<Moving> moving_;
};

}  // namespace lifeboat::registry
