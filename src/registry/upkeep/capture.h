#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "base/log.h"
#include "registry/addressing.h"
#include "registry/pull.h"
#include "registry/upkeep/capture_walk.h"
#include "sys/event_loops.h"
#include "sys/metrics.h"
#include "sys/notification.h"

namespace lifeboat::registry {

struct CaptureOptions {
  unsigned running_max = 4;  ///< manifests that are captured at a time, each over one transfer
};

/// What became of a manifest's capture.
struct CaptureState {
  enum class Phase {
    running,
    waiting,  ///< for its turn, or for its next try
    done,     ///< nothing that is wanted is left to fetch
  };
  Phase phase = Phase::waiting;
  CaptureProgress progress{};          ///< while running
  uint32_t failures = 0;               ///< in a row
  std::string last_error{};            ///< of the last of them
  std::optional<WallTime> next_try{};  ///< while waiting
  Holding holding{};                   ///< what is here now
};

/// A manifest whose capture was asked for.
struct Prefetched {
  oci::Digest digest;
  PlatformsWanted wanted;            ///< all it is captured for
  std::optional<Staleness> stale{};  ///< of a tag that could not be confirmed
};

/// All captures at a glance.
struct CaptureSummary {
  uint64_t running = 0;
  uint64_t waiting = 0;                     ///< for their turn or their next try
  uint64_t failing = 0;                     ///< of all, those whose last try failed
  std::optional<meta::CaptureJob> worst{};  ///< that failed most often
};

/// Makes whole in the background what came from upstreams (DESIGN §4.5): works off the jobs of meta::CaptureIndex,
/// which outlive the process. A job whose upstream is down waits, however long. Any thread.
class Capture {
 public:
  struct Parts {
    CaptureWalk::Parts walk;
    Addressing& addressing;
    Pull& pull;
    sys::EventLoops& loops;
    sys::Metrics& metrics;
    Log& log;
  };
  Capture(Parts parts, CaptureOptions options);
  ~Capture();

  /// Works until stop(). What runs then is not waited for: it is taken up after the next start.
  Awaitable<void> run();
  void stop();
  /// There may be something new to do.
  void look() { parts_.walk.manifest_fetches.capture_added().notify_all(); }

  /// Resolves the reference as a pull does and captures it now, for these platforms beyond what the upstream's policy
  /// and the pulls so far want; where all of them say nothing, for this machine's. The errors of Pull::manifest;
  /// unsupported: a repository that is hosted here.
  Task<Prefetched> prefetch(Call call, oci::RepositoryId repository, oci::Reference reference, PlatformsWanted wanted);
  /// The same for what is to be here always, and is asked for again and again: a job that waits for its next try with
  /// what is wanted already is left to its own pace.
  Task<Prefetched> hold(Call call, oci::RepositoryId repository, oci::Reference reference);
  Task<CaptureState> state_of(Call call, oci::RepositoryId repository, oci::Digest manifest);
  std::size_t running() const;
  Task<CaptureSummary> summary(Call call);

 private:
  using Key = std::pair<oci::RepositoryId, oci::Digest>;
  /// What runs, and what ended a moment ago: the store may still give it out as due, and where it cannot be written to
  /// for as long as that.
  struct Desk {
    std::map<Key, std::shared_ptr<CaptureWalk>> running;  ///< null: about to begin
    std::map<Key, SteadyTime> not_before;
  };

  /// Starts what is due, as far as there is room. Gives when to look again.
  Awaitable<SteadyTime> start_due();
  Awaitable<void> work(meta::CaptureJob job);
  struct Ended {
    Status status;
    bool is_content_whole = false;
    CaptureProgress progress{};
  };
  Awaitable<Ended> capture(meta::CaptureJob job, std::shared_ptr<const UpstreamHosts> hosts,
                           const UpstreamHost& upstream);
  /// Gives when it may be started again at the soonest.
  SteadyTime conclude(meta::CaptureJob job, const UpstreamHost& upstream, const Ended& ended);
  /// What a prefetch comes to.
  struct Wish {
    Prefetched resolved;
    PlatformsWanted of_job;
  };
  Task<Wish> wish_for(Call call, oci::RepositoryId repository, oci::Reference reference, PlatformsWanted wanted);
  Task<void> add(Call call, oci::RepositoryId repository, Wish wish);
  Task<PlatformsWanted> platforms_of(Call call, oci::RepositoryId repository, const UpstreamHost& upstream,
                                     std::string of_job);
  Task<void> note_platform(Call call, oci::RepositoryId repository, oci::Digest manifest);

  const Parts parts_;
  const CaptureOptions options_;
  Holdings holdings_;
  sys::Gauge& waiting_;
  sys::Gauge& failing_;
  sys::Gauge& running_gauge_;
  std::atomic<bool> is_stopping_ = false;
  unsigned next_loop_ = 0;   ///< of run() alone
  SteadyTime totals_due_{};  ///< of run() alone
  Guarded<Desk> desk_;
};

}  // namespace lifeboat::registry
