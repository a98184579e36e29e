#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "test/gc/catalogue.h"
#include "test/gc/gated_stores.h"

namespace lifeboat::gc {

inline constexpr Duration kGrace{std::chrono::hours(24)};
/// Of the second repository: what has no tag for so long may go by itself.
inline constexpr Duration kUntaggedFor{std::chrono::hours(2)};
/// What a client got from the cache stays there for so long at least.
inline constexpr Duration kUsedFor{std::chrono::minutes(10)};

/// What was promised to clients, and whether the disk still keeps it. Outlives crashes.
class Model {
 public:
  /// A thing of a repository, both by number.
  using Place = std::pair<std::size_t, std::size_t>;

  static const std::vector<oci::RepositoryId>& repositories();  ///< hosted
  static const oci::RepositoryId& cached();

  explicit Model(const Catalogue& catalogue) : catalogue_(catalogue) {}

  /// Whether retention is for it.
  static bool is_pruned(std::size_t repository) { return repository == 1; }

  // What clients do. A delete that began may have happened, whatever came back.
  void push_began(Place manifest) { ++pushing_[manifest]; }
  void push_ended(Place manifest, bool is_acknowledged, WallTime began);
  bool may_delete(Place manifest) const { return !pushing_.contains(manifest) && !deleting_.contains(manifest); }
  bool is_being_deleted(Place manifest) const { return deleting_.contains(manifest); }
  void delete_began(Place manifest);
  void delete_ended(Place manifest, bool is_refused);
  void blob_delete_began(Place blob) { ++blob_deletes_[blob].began; }
  void blob_delete_ended(Place blob) { ++blob_deletes_[blob].ended; }
  /// Since `ended_before` of them had ended, none has been under way: what is missing was not deleted.
  bool is_undeleted_since(Place blob, uint64_t ended_before) {
    return blob_deletes_[blob].began == ended_before && blob_deletes_[blob].ended == ended_before;
  }
  uint64_t blob_deletes_ended(Place blob) { return blob_deletes_[blob].ended; }
  /// A client got the cached manifest, and that was noted.
  void used(std::size_t manifest, WallTime at) { used_[manifest] = at; }
  void pinned(std::size_t manifest) { pinned_.insert(manifest); }
  void pin_is_going(std::size_t manifest) { pinned_.erase(manifest); }
  bool is_pinned(std::size_t manifest) const { return pinned_.contains(manifest); }
  /// Nobody does anything any more, nor will.
  void crashed();

  /// What is broken now: nothing when all promises are kept.
  Task<std::optional<std::string>> find_violation(Disk& disk, WallTime now);
  /// What is still there though nothing needs it.
  Task<std::optional<std::string>> find_rest(Disk& disk) const;

 private:
  Task<std::optional<std::string>> find_broken(Disk& disk, Place manifest) const;
  /// The same of what is cached; `gone`: only the manifest itself is.
  enum class Cached { whole, in_part, gone };
  Task<Cached> find_cached(Disk& disk, std::size_t manifest) const;
  Task<std::optional<std::string>> find_lost_of_cache(Disk& disk, WallTime now);
  Task<void> note_tagged(Disk& disk, WallTime now);
  /// Retention may have taken it.
  bool has_lapsed(Place manifest, WallTime now) const;
  /// What has a row that needs bytes.
  static Task<std::set<oci::Digest>> find_recorded(Disk& disk);

  const Catalogue& catalogue_;
  std::set<Place> acknowledged_;
  std::set<Place> deleting_;
  std::set<Place> acknowledged_before_delete_;
  std::map<Place, std::size_t> pushing_;
  std::map<Place, WallTime> kept_since_;  ///< pushed, or known to have a tag
  std::map<std::size_t, WallTime> used_;  ///< of the cache
  std::set<std::size_t> pinned_;
  std::map<std::size_t, Cached> cached_before_;
  struct Deletes {
    uint64_t began = 0;
    uint64_t ended = 0;
  };
  std::map<Place, Deletes> blob_deletes_;
};

}  // namespace lifeboat::gc
