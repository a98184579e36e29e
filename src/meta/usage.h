#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/call.h"
#include "base/task.h"
#include "base/time.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "oci/repository_id.h"

namespace lifeboat::meta {

/// Somebody wants this to stay, whatever any policy says. It may speak of what is not here (yet).
struct Pin {
  oci::RepositoryId repository;
  std::string reference{};  ///< a tag, or a digest as text
  WallTime at{};
  std::string reason{};  ///< for people
};

struct UsedTag {
  oci::Tag tag;
  oci::Digest digest;
  WallTime pushed{};  ///< when it last got another digest
};

struct UsedManifest {
  oci::Digest digest;
  std::vector<oci::Digest> children{};  ///< of an index, whether the repository has them or not
  std::optional<oci::Digest> subject{};
  std::optional<WallTime> pulled{};          ///< last; nothing: not since that is noted
  std::optional<WallTime> untagged_since{};  ///< when it was put, or lost its last tag; nothing: it has one
};

/// What the repositories are used for, and the removal of what is not: what retention asks and does.
class UsageIndex {
 public:
  virtual ~UsageIndex() = default;
  /// A client got the manifest then, or asked whether it is the same; nothing when the repository does not have it. One
  /// that was noted for a later time stays, unless it is so late that the clock was set since. Durable soon.
  virtual void note_pulled(oci::RepositoryId repository, oci::Digest manifest, WallTime at) = 0;
  /// When a client last got it; nothing: never, or it is not there.
  virtual Task<std::optional<WallTime>> pulled(Call call, oci::RepositoryId repository, oci::Digest manifest) = 0;

  /// A pin, in the place of one of the same reference.
  virtual Task<void> add_pin(Call call, Pin pin) = 0;
  /// not_found: there is no such pin.
  virtual Task<void> remove_pin(Call call, oci::RepositoryId repository, std::string reference) = 0;
  /// All there are, in the order of host, name and reference.
  virtual Task<std::vector<Pin>> pins(Call call) = 0;

  /// A page of the repository's tags after `last` ("" from the start), bytewise, at most `limit`; fewer: that was all.
  virtual Task<std::vector<UsedTag>> tags(Call call, oci::RepositoryId repository, std::string last,
                                          std::size_t limit) = 0;
  struct ManifestPage {
    std::vector<UsedManifest> manifests;
    std::string next;  ///< "": that was all
  };
  /// A page of its manifests, each once in one tour. `position`: "" from the start, then `next`.
  virtual Task<ManifestPage> manifests(Call call, oci::RepositoryId repository, std::string position,
                                       std::size_t limit) = 0;

  /// The tag goes, unless it does not point there (any more) or is pinned by its name. True: it went.
  virtual Task<bool> remove_tag(Call call, oci::RepositoryId repository, oci::Tag tag, oci::Digest digest) = 0;
  /// The manifest goes, if no index of the repository names it, and it, its subject and what refers to it all have had
  /// no tag since `untagged_by` or longer, are not pinned by digest, and, of an upstream, no tag has left them for a
  /// manifest that is still to be captured (in an outage they would be served in its place). True: it went.
  virtual Task<bool> remove_manifest(Call call, oci::RepositoryId repository, oci::Digest digest,
                                     WallTime untagged_by) = 0;
};

}  // namespace lifeboat::meta
