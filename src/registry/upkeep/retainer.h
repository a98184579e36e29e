#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/task.h"
#include "blob/store.h"
#include "meta/store.h"
#include "registry/change_stamps.h"
#include "registry/upkeep/retention.h"
#include "registry/upkeep/trusted_time.h"
#include "sys/clock.h"
#include "sys/metrics.h"
#include "sys/notification.h"

namespace lifeboat::registry {

/// A rule, and the repositories it is for.
struct RetentionPolicy {
  std::vector<std::string> match;  ///< of RepositoryId::to_string(), as oci::matches_glob has them
  RetentionRule rule{};
};

struct RetainerOptions {
  std::vector<RetentionPolicy> policies{};  ///< the first that fits a repository counts; where none does, all stays
  Duration every{std::chrono::hours(24)};   ///< 0: only when asked to
};

struct PruneReport {
  struct Item {
    std::string repository;
    std::string tag{};  ///< "": a manifest without a tag
    oci::Digest digest;
    bool is_kept = false;
    std::string reason;
  };
  /// One that has a manifest which cannot be read: what it names is unknown, so none of its manifests goes.
  struct Unreadable {
    std::string repository;
    std::string reason;
  };
  uint64_t repositories = 0;          ///< that a policy is for
  uint64_t tags = 0;                  ///< that went, or would
  uint64_t manifests = 0;             ///< the same
  uint64_t changed = 0;               ///< that were to go and stay, since somebody came to use them meanwhile
  std::vector<std::string> frozen{};  ///< of `repositories`: nothing of them goes, their host cannot be asked
  std::vector<Unreadable> unreadable{};
  std::vector<Item> items{};    ///< all tags that were looked at, and the manifests that were to go
  uint64_t items_left_out = 0;  ///< beyond the first 10,000 that stay, and the first 10,000 that go
};

/// How long after a pass that ended so the next one begins.
Duration next_pass_in(const Status& ended, Duration every);

/// Carries out what decide_retention() says, repository by repository: tags first, then manifests, each only if what it
/// was decided by is still so (meta::UsageIndex). The bytes are the collector's. Any thread.
class Retainer {
 public:
  struct Parts {
    blob::Store& blobs;
    meta::Store& names;
    ChangeStamps& stamps;
    std::function<bool(const oci::RegistryHost&)> is_frozen;
    sys::Clock& clock;
    sys::Metrics& metrics;
    Log& log;
  };
  Retainer(Parts parts, RetainerOptions options);

  enum class DryRun : bool { no, yes };
  /// One pass over everything. A dry run and a pass that removes may be under way together, but not two of a kind:
  /// conflict. cancelled: stop() was; unavailable: the clock was set; else the store's errors. What was removed before
  /// stays removed.
  Task<PruneReport> prune(DryRun dry_run);
  /// Passes from time to time, until stop(); one that failed or could not begin is made up for in minutes.
  Awaitable<void> run();
  /// A pass ends at its next step.
  void stop();

 private:
  class Pass;

  const Parts parts_;
  const RetainerOptions options_;
  TrustedTime time_;
  sys::Counter& removed_tags_;
  sys::Counter& removed_manifests_;
  sys::Counter& failures_;
  sys::Gauge& last_success_;
  std::atomic<bool> is_removing_ = false;
  std::atomic<bool> is_dry_running_ = false;
  std::atomic<bool> is_stopping_ = false;
  sys::Notification stop_asked_;
};

}  // namespace lifeboat::registry
