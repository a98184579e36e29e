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
#include "meta/eviction.h"
#include "meta/store.h"
#include "oci/full_reference.h"
#include "registry/addressing.h"
#include "registry/change_stamps.h"
#include "registry/upkeep/eviction.h"
#include "registry/upkeep/sweep.h"
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
};

/// Keeps the cache between two marks: once a minute, beyond the upper one, the images that were unused the longest go
/// whole (meta/eviction.h) until the lower one is reached, and the collector then gives their bytes back to the disk.
/// Before anything of a host goes, the host is asked for it: one that does not answer keeps all it has here. Any
/// thread.
class Evictor {
 public:
  struct Parts {
    meta::EvictionIndex& eviction;
    meta::Store& names;
    Addressing& addressing;
    ChangeStamps& stamps;
    std::function<Task<EvictionSpace>(Call)> measure;
    std::function<std::vector<oci::FullReference>()> always_held;  ///< whoever pulls them
    std::function<bool(const oci::RegistryHost&)> is_frozen;
    std::function<Task<SweepReport>()> collect;  ///< a pass of the collector, now
    sys::Clock& clock;
    sys::Metrics& metrics;
    Log& log;
  };
  explicit Evictor(Parts parts);

  /// Looks once a minute, until stop().
  Awaitable<void> run();
  void stop();
  /// One look. What failed half-way did no harm: whole images went, or did not. One at a time.
  Task<EvictionReport> look(Call call);

 private:
  using Held = std::set<std::pair<oci::RepositoryId, oci::Digest>>;
  using Answers = std::map<oci::RegistryHost, bool>;  ///< whether the host was there when it was asked in this look

  Task<EvictionReport> make_room(Call call, EvictionSpace space);
  Task<EvictionOrder> survey(Call call, const Held& held, const Answers& answers);
  /// True when room enough was made, or none can be.
  Task<bool> evict(Call call, const EvictionOrder& order, EvictionReport& report, Answers& answers);
  Task<Held> always_held(Call call);
  Task<void> hold_with_parents(Call call, oci::RepositoryId repository, oci::Digest digest, Held& held);
  Task<bool> can_be_fetched_again(Call call, meta::CachedImage image);
  Task<void> give_back();
  void tell(const EvictionReport& report);

  const Parts parts_;
  sys::Counter& evicted_contents_;
  sys::Counter& evicted_bytes_;
  sys::Gauge& last_success_;
  std::atomic<bool> is_stopping_ = false;
  sys::Notification stop_asked_;
  bool is_owed_ = true;  ///< bytes without a name may be on disk still: what a dead process left, or this one just now
  bool is_short_ = false;  ///< the last look did not reach the lower mark, and has been spoken of
};

}  // namespace lifeboat::registry
