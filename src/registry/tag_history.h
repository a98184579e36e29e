#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/call.h"
#include "base/task.h"
#include "blob/store.h"
#include "meta/store.h"
#include "oci/full_reference.h"
#include "oci/repository_id.h"
#include "registry/addressing.h"
#include "registry/change_stamps.h"
#include "registry/push.h"

namespace lifeboat::registry {

/// Whether a tag can be again what it was.
enum class Restorability {
  held,    ///< the repository has the manifest: the tag is set
  stored,  ///< the manifest was removed, and all of it is still here: it is put again, then the tag is set
  lost,    ///< the collector has taken it, or something of it
};

/// What a tag was once.
struct TagMoment {
  oci::Tag tag;
  meta::TagPast past;
  bool is_current = false;  ///< the tag points there since
  Restorability restorability = Restorability::held;
  std::string lacking{};  ///< of what is lost: what is gone, for people
};

struct TagRestore {
  oci::RepositoryId repository;
  oci::Tag tag;
  /// Which of the digests it had; neither: the last, of a tag that is gone.
  std::optional<oci::Digest> to{};
  std::optional<uint64_t> number{};
  bool is_dry_run = false;  ///< nothing is changed
};

struct RestoredTag {
  oci::Digest digest;
  std::optional<oci::Digest> before{};  ///< where the tag was; nothing: it was gone
  std::size_t manifests = 0;            ///< that were put again
};

/// What tags were, and how they become that again. A manifest that was removed can be put again for as long as the
/// collector leaves its bytes and the blobs it names, which is its grace. What referred to it, such as a signature,
/// does not come with it. Any thread.
class TagHistory {
 public:
  TagHistory(blob::Store& blobs, meta::Store& names, Push& push, Addressing& addressing, ChangeStamps& stamps);

  /// The repository that a reference means; of a hosted one that is empty by now still that one. The errors of
  /// Addressing::meaning_of.
  Task<oci::RepositoryId> repository_of(Call call, oci::FullReference reference);

  struct Page {
    std::vector<TagMoment> moments;  ///< by tag in bytewise order, and of each the latest first
    bool has_more = false;           ///< there are more than the first thousand
  };
  /// Of one tag, or of all there are or ever were. Empty for what never was.
  Task<Page> moments(Call call, oci::RepositoryId repository, std::optional<oci::Tag> tag);

  /// The tag is set again, with an entry of its history; it counts as pushed now. not_found: it never was that, or what
  /// it was is lost, and what of it; invalid: it is not gone, and nobody said which.
  Task<RestoredTag> restore(Call call, TagRestore order);

 private:
  Task<TagMoment> judge(Call call, oci::RepositoryId repository, oci::Tag tag, meta::TagPast past);
  Task<meta::TagPast> choose(Call call, TagRestore order, std::optional<oci::Digest> current);
  Task<std::optional<oci::Digest>> current_of(Call call, oci::RepositoryId repository, oci::Tag tag);
  Task<void> put_again(Call call, oci::RepositoryId repository, oci::Digest digest, std::vector<oci::Tag> tags);

  blob::Store& blobs_;
  meta::Store& names_;
  Push& push_;
  Addressing& addressing_;
  ChangeStamps& stamps_;
};

}  // namespace lifeboat::registry
