#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/time.h"
#include "oci/digest.h"
#include "oci/platform.h"
#include "oci/reference.h"

/// Which tags and manifests of a repository stay, and why. Pure: whoever removes anything asks here, with a view of the
/// whole repository, and removes in the order it is told.
///
/// What must be true whatever the rule says:
///   - nothing that something kept needs goes: of an index its children, of a manifest its subject, of a subject what
///     refers to it; what is pinned counts as kept;
///   - a tag that goes takes no other tag of the same digest with it;
///   - nothing of a host goes while it cannot be asked.
namespace lifeboat::registry {

/// What is kept of the repositories it is for. Without anything said about tags, all of them are.
struct RetentionRule {
  /// Of the tags, by the time they were pushed; one whose time is yet to come stays and takes no place. 0: says
  /// nothing.
  std::size_t keep_last = 0;
  std::vector<std::string> keep_tags{};             ///< patterns as oci::matches_glob has them
  std::optional<Duration> keep_pulled_within{};     ///< tags whose manifest was pulled since
  std::vector<oci::Platform> keep_platforms{};      ///< tags that have a manifest for one of these
  std::optional<Duration> delete_untagged_after{};  ///< nothing: manifests without a tag stay
};

struct RetentionView {
  struct TagState {
    oci::Tag tag;
    oci::Digest digest;
    WallTime pushed{};
  };
  struct ManifestState {
    oci::Digest digest;
    std::vector<oci::Digest> children{};  ///< of an index
    std::optional<oci::Digest> subject{};
    std::optional<oci::Platform> platform{};
    bool has_unread_platform = false;  ///< what would tell it cannot be read now
    WallTime pulled{};                 ///< last
    WallTime untagged_since{};         ///< of one without a tag: when it was put, or lost its last one
  };
  WallTime now{};
  bool is_frozen = false;  ///< its host cannot be asked
  std::vector<TagState> tags{};
  std::vector<ManifestState> manifests{};
  std::set<oci::Digest> pinned{};
};

struct RetentionDecision {
  struct TagVerdict {
    oci::Tag tag;
    oci::Digest digest;
    bool is_kept = true;
    std::string reason{};  ///< "one of the last 3", "no rule keeps it"
  };
  struct ManifestVerdict {
    oci::Digest digest;
    bool is_kept = true;
    std::string reason{};
  };
  std::vector<TagVerdict> tags{};            ///< the latest pushed first
  std::vector<ManifestVerdict> manifests{};  ///< those that go stand so that an index comes before what it names
};

RetentionDecision decide_retention(const RetentionRule& rule, const RetentionView& view);

}  // namespace lifeboat::registry
