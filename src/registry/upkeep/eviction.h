#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "base/time.h"
#include "meta/eviction.h"
#include "meta/use_times.h"

/// What of the cache gives way, and when. Pure.
namespace lifeboat::registry {

/// How full it is, and between which marks it is kept.
struct EvictionSpace {
  uint64_t used_bytes = 0;
  uint64_t above_bytes = 0;  ///< beyond it content goes …
  uint64_t below_bytes = 0;  ///< … until no more than this is left

  bool is_due() const { return used_bytes > above_bytes; }
  uint64_t wanted_bytes() const { return is_due() ? used_bytes - below_bytes : 0; }
};

/// Which images are in use: a client that has got a manifest comes for its layers next.
struct EvictionAge {
  WallTime now = WallTime::max();  ///< when the look at all images began
  Duration unused_for{0};          ///< so long an image must not have been used; 0: whenever it was
  /// Used since the look began is used. So is what may have been used without a note, and what was used in a future,
  /// before the clock was set: who knows when.
  bool is_in_use(WallTime noted) const {
    return unused_for > Duration(0) && now - noted < unused_for + meta::kPullNotedWithin;
  }
};

/// Of each repository the images that were used last: whether these are still given tells what became of the rest.
class Witnesses {
 public:
  static constexpr std::size_t kEach = 3;

  /// Again and again, if one likes.
  void consider(const meta::CachedImage& image);
  /// The latest first.
  std::vector<oci::Digest> of(const oci::RepositoryId& repository) const;

 private:
  std::map<oci::RepositoryId, std::map<oci::Digest, WallTime>> latest_;
};

/// The order in which cached images go: the longest unused first. Takes any number of them and keeps the first `max`
/// of the order. What is in use, pinned, to be held at all times, or could not be fetched again now is not in it.
class EvictionOrder {
 public:
  explicit EvictionOrder(std::size_t max, EvictionAge age = {}) : max_(max), age_(age) {}

  enum class Standing {
    free,    ///< it may go
    wanted,  ///< it is to be held at all times, whoever pulls it
    frozen,  ///< its host cannot be asked for it
  };
  void consider(meta::CachedImage image, Standing standing);

  std::vector<meta::CachedImage> oldest_first() const;
  /// Images that may go, but stand behind the first `max`.
  bool has_more() const { return has_more_; }
  uint64_t pinned() const { return pinned_; }  ///< or wanted
  uint64_t frozen() const { return frozen_; }
  uint64_t in_use() const { return in_use_; }

 private:
  struct Before {
    bool operator()(const meta::CachedImage& one, const meta::CachedImage& other) const;
  };
  std::size_t max_;
  EvictionAge age_;
  std::set<meta::CachedImage, Before> first_;
  bool has_more_ = false;
  uint64_t pinned_ = 0;
  uint64_t frozen_ = 0;
  uint64_t in_use_ = 0;
};

}  // namespace lifeboat::registry
