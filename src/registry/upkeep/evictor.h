#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/task.h"
#include "blob/store.h"
#include "meta/eviction.h"
#include "meta/store.h"
#include "oci/full_reference.h"
#include "registry/addressing.h"
#include "registry/change_stamps.h"
#include "registry/upkeep/collector.h"
#include "registry/upkeep/eviction.h"
#include "registry/upkeep/manifest_check.h"
#include "sys/clock.h"
#include "sys/metrics.h"
#include "sys/notification.h"

namespace lifeboat::registry {

/// What a look did.
struct EvictionReport {
  uint64_t images = 0;
  uint64_t contents = 0;
  uint64_t bytes = 0;
  uint64_t wanted_bytes = 0;  ///< 0: it was not due
  uint64_t pinned = 0;        ///< images that stayed because somebody wants them
  uint64_t frozen = 0;        ///< images that stayed because they could not be fetched again now
  uint64_t in_use = 0;        ///< images that stayed because they were used just before
};

/// Keeps the cache between two marks: once a minute, beyond the upper one, the images that were unused the longest go
/// whole (meta/eviction.h) until the lower one is reached, and the collector then gives their bytes back to the disk.
/// Before anything of a repository goes, its upstream is asked for it, again every few seconds: what it would not give
/// stays. To say that it has it no more does not do, unless it gives something else of the repository at that moment: a
/// registry that was wiped, or hides what is private, says so of everything. Any thread.
class Evictor {
 public:
  struct Parts {
    meta::EvictionIndex& eviction;
    blob::Store& blobs;
    meta::Store& names;
    Addressing& addressing;
    ChangeStamps& stamps;
    std::function<Task<EvictionSpace>(Call)> measure;
    std::function<std::vector<oci::FullReference>()> always_held;  ///< whoever pulls them
    std::function<bool(const oci::RegistryHost&)> is_frozen;
    Collector& collector;
    sys::Clock& clock;
    sys::Metrics& metrics;
    Log& log;
  };
  /// `unused_for`: so long nothing of what goes must have been pulled; 0: it goes whenever that was.
  Evictor(Parts parts, Duration unused_for);

  /// Looks once a minute, until stop().
  Awaitable<void> run();
  void stop();
  /// One look. What failed half-way did no harm: whole images went, or did not. One at a time.
  Task<EvictionReport> look(Call call);

 private:
  ManifestCheck fresh_check();
  using Held = std::set<std::pair<oci::RepositoryId, oci::Digest>>;
  /// What is known of a repository in this look.
  struct Answer {
    bool may_lose = false;    ///< its upstream would give it again, and its records are whole
    SteadyTime good_until{};  ///< of a yes
  };
  struct Round {
    std::map<oci::RepositoryId, Answer> answers{};
    Witnesses witnesses{};
    uint64_t refusals = 0;  ///< answers that were a no
    EvictionReport report{};
  };

  Task<EvictionSpace> measure(Call call);
  Task<EvictionReport> make_room(Call call, EvictionSpace space);
  Task<EvictionOrder> survey(Call call, const Held& held, Round& round);
  /// True when room enough was made, or none can be.
  Task<bool> evict(Call call, const EvictionOrder& order, Round& round);
  Task<bool> may_lose(Call call, meta::CachedImage image, Round& round);
  Task<Held> always_held(Call call);
  Task<void> hold_with_parents(Call call, oci::RepositoryId repository, oci::Digest digest, Held& held);
  Task<void> give_back();
  Task<void> give_back_evicted();
  void tell_if_short(const EvictionReport& report);

  const Parts parts_;
  const Duration unused_for_;
  sys::Counter& evicted_contents_;
  sys::Counter& evicted_bytes_;
  sys::Gauge& used_bytes_;
  sys::Gauge& above_bytes_;
  sys::Gauge& last_success_;
  std::atomic<bool> is_stopping_ = false;
  sys::Notification stop_asked_;
  ManifestCheck manifests_;
  SteadyTime manifests_until_{};  ///< then they are looked at anew
  bool is_owed_ = true;  ///< bytes without a name may be on disk still: what a dead process left, or this one just now
  bool is_short_ = false;  ///< the last look did not reach the lower mark, and has been spoken of
};

}  // namespace lifeboat::registry
