#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "http/route.h"
#include "oci/repository_id.h"
#include "registry/change_stamps.h"
#include "sys/clock.h"
#include "sys/http_server.h"

namespace lifeboat::http {

/// The changes that would spoil an answer: the stamps of the repositories it depends on, and that of the meaning of
/// targets, as they were BEFORE the state was read that the answer is made from.
class Watch {
 public:
  using Stamp = registry::ChangeStamps::Stamp;

  /// `meaning`: AnswerCache::meaning(). Both outlive the Watch.
  Watch(const registry::ChangeStamps& stamps, const Stamp& meaning);

  void add(const oci::RepositoryId& repository);
  /// What the name means when it is hosted here, now or later: a push to it takes the name over from the default host.
  void add_hosted(std::string_view name);
  bool holds() const;

 private:
  static constexpr std::size_t kMax = 3;
  struct Seen {
    const Stamp* stamp = nullptr;
    uint64_t value = 0;
  };
  void add(const Stamp& stamp);

  const registry::ChangeStamps* stamps_;
  std::array<Seen, kMax> seen_{};
};

struct AnswerCacheOptions {
  unsigned loops = 1;
  std::size_t max_bytes = 16 * kMiB;  ///< of heads, targets and bodies in memory, split over the loops
  std::size_t max_files = 1024;       ///< open files, split over the loops
};

/// Answers that are sent again without asking anybody, by raw target; least recently used out. Each loop has its own
/// and only that loop's thread may use it, so the hot path takes no lock and allocates nothing. An answer is given as
/// long as its Watch holds, its time is not over and forget_all() was not called.
class AnswerCache {
 public:
  AnswerCache(AnswerCacheOptions options, sys::Clock& clock);

  struct Answer {
    std::shared_ptr<const sys::PreparedAnswer> prepared;
    std::string digest;  ///< its entity tag, as text without quotes
    RouteKind route = RouteKind::other;
    SteadyTime valid_until = SteadyTime::max();
  };
  struct Found {
    sys::PreparedHit hit;  ///< a null answer: none
    RouteKind route = RouteKind::other;
  };
  Found find(unsigned loop, const sys::HttpRequestView& request);
  /// Takes the answer unless it is too large; replaces the one of that target.
  void keep(unsigned loop, std::string_view target, Answer answer, const Watch& watch);
  /// When what targets mean has changed (a reload). Any thread.
  void forget_all() { meaning_.fetch_add(1, std::memory_order_acq_rel); }
  /// Grows when what targets mean has changed.
  const Watch::Stamp& meaning() const { return meaning_; }

  std::size_t size(unsigned loop) const { return shards_[loop]->entries.size(); }
  std::size_t bytes(unsigned loop) const { return shards_[loop]->bytes; }
  std::size_t files(unsigned loop) const { return shards_[loop]->files; }

 private:
  struct Entry {
    std::string target;
    Answer answer;
    Watch watch;
    std::size_t bytes = 0;
  };
  using Entries = std::list<Entry>;
  struct alignas(64) Shard {
    Entries entries;                                                    ///< most recently used first
    std::unordered_map<std::string_view, Entries::iterator> by_target;  ///< keys point into the entries
    std::size_t bytes = 0;
    std::size_t files = 0;
  };
  static void drop(Shard& shard, Entries::iterator entry);

  const std::size_t max_bytes_;  ///< per loop
  const std::size_t max_files_;  ///< per loop
  sys::Clock& clock_;
  std::vector<std::unique_ptr<Shard>> shards_;
  Watch::Stamp meaning_ = 0;
};

}  // namespace lifeboat::http
