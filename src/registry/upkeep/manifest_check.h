#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "base/call.h"
#include "base/task.h"
#include "blob/store.h"
#include "meta/store.h"
#include "oci/digest.h"
#include "oci/repository_id.h"

namespace lifeboat::registry {

/// What the manifests of a repository name by their own documents, compared with what the names store has recorded of
/// it. Whoever removes something because no record speaks for it asks here first: a row that is lost (a damaged page, a
/// hand in the database) is otherwise the end of a layer.
///
/// All manifests of a repository are read, since the lost record does not say whose it was; a repository of which
/// nothing is to go is not looked at, and each one once. One coroutine at a time.
class ManifestCheck {
 public:
  enum class Mend : bool { no, yes };
  /// `is_stopping` is asked before each manifest.
  ManifestCheck(blob::Store& blobs, meta::Store& names, Mend mend, std::function<bool()> is_stopping);

  /// Reads its manifests, unless that was done, and with Mend::yes records anew what is not. cancelled: `is_stopping`;
  /// the repository then counts as not looked at.
  Task<void> look_at(Call call, oci::RepositoryId repository);
  /// By what look_at() found: a manifest names it and that is not recorded, or one could not be read.
  bool may_name(const oci::RepositoryId& repository, const oci::Digest& digest) const;
  /// One of its manifests could not be read, which no fault explains: what it names is unknown.
  bool is_unreadable(const oci::RepositoryId& repository) const { return !why_unreadable(repository).empty(); }
  /// Why, of one such manifest; "" when there is none.
  std::string why_unreadable(const oci::RepositoryId& repository) const;
  /// Manifests that were recorded anew.
  uint64_t restored() const { return restored_; }

 private:
  struct Seen {
    std::string unreadable{};            ///< why one of its manifests is
    std::set<oci::Digest> unrecorded{};  ///< and left so
  };
  Task<void> compare(Call call, oci::RepositoryId repository, oci::Digest manifest, Seen& seen);

  blob::Store* blobs_;
  meta::Store* names_;
  Mend mend_;
  std::function<bool()> is_stopping_;
  uint64_t restored_ = 0;
  std::map<oci::RepositoryId, Seen> seen_;
};

}  // namespace lifeboat::registry
