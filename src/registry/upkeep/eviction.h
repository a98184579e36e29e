#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "meta/eviction.h"

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

/// The order in which cached images go: the longest unused first. Takes any number of them and keeps the first `max`
/// of the order. What is pinned, what is to be held at all times and what could not be fetched again now is not in it.
class EvictionOrder {
 public:
  explicit EvictionOrder(std::size_t max) : max_(max) {}

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

 private:
  struct Before {
    bool operator()(const meta::CachedImage& one, const meta::CachedImage& other) const;
  };
  std::size_t max_;
  std::set<meta::CachedImage, Before> first_;
  bool has_more_ = false;
  uint64_t pinned_ = 0;
  uint64_t frozen_ = 0;
};

}  // namespace lifeboat::registry
