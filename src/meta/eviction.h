#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/call.h"
#include "base/task.h"
#include "base/time.h"
#include "oci/digest.h"
#include "oci/repository_id.h"

namespace lifeboat::meta {

/// What an upstream's repository holds as one: a manifest that no index of the repository names and whose subject, if
/// it has one, the repository does not have; with it all that it leads to there: of an index its children, what refers
/// to any of them, their blobs.
struct CachedImage {
  oci::RepositoryId repository;
  oci::Digest root;
  WallTime used{};         ///< when any of it was pulled last; of what never was, when it came
  bool is_pinned = false;  ///< any of it, by tag or digest
};

/// How far a look has come. Made by the store alone; a new one is the beginning.
struct EvictionPosition {
  int64_t repository = 0;
  int64_t content = 0;
};

struct EvictionPage {
  std::vector<CachedImage> images;
  std::optional<EvictionPosition> next;  ///< nothing: that was all
};

/// What nothing needs any more once an image has gone: condemned, so that the collector's next pass unlinks it whatever
/// its grace.
struct Evicted {
  bool has_gone = false;  ///< false: it was used, named or pinned meanwhile, or is not there; nothing was changed
  uint64_t contents = 0;
  uint64_t bytes = 0;
};

/// Cached content that gives way. Hosted repositories are never seen nor touched by it.
class EvictionIndex {
 public:
  virtual ~EvictionIndex() = default;
  /// The next of the cached images; looks at `rows_max` manifests or a few.
  virtual Task<EvictionPage> look(Call call, EvictionPosition from, std::size_t rows_max) = 0;
  /// In one transaction: if it is still such an image, nobody used any of it after `used`, none of it is pinned, and no
  /// tag has left it for a manifest that is still to be captured (in an outage the image would be served in its place),
  /// all of it goes but what another image of the repository shares: manifests with their tags (not their history) and
  /// captures, and the links to blobs that no other manifest of the repository names.
  virtual Task<Evicted> evict(Call call, CachedImage image) = 0;
};

}  // namespace lifeboat::meta
