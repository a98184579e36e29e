#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "base/log.h"
#include "blob/inspector.h"
#include "meta/store.h"
#include "registry/upkeep/probe_book.h"
#include "registry/verify/walk.h"
#include "sys/clock.h"
#include "sys/metrics.h"
#include "sys/notification.h"

namespace lifeboat::registry {

struct ProberOptions {
  std::string name;                         ///< in logs, of the tour, and the label `target`
  std::vector<std::string> repositories{};  ///< names, and patterns as oci::matches_glob has them; empty: all
  std::vector<std::string> tags{};          ///< the same of tags
  Duration every{std::chrono::minutes(15)};
  unsigned requests_max = 4;  ///< at a time
  std::string other{};        ///< the name of what it is compared with; "" for nothing
  /// What the target holds of other registries (names that begin with a host) is looked at only where a pattern begins
  /// with that host: looking at it would fetch all of it.
  bool leaves_out_hosts = false;
  bool is_successor = false;  ///< its metrics show what another found, until go_on_from()
};

/// Of a target at one moment.
struct ProbeState {
  std::string name;
  bool is_running = false;
  bool is_accessible = true;
  std::optional<WallTime> last_run{};  ///< when a whole tour ended last
  ProbeCounts counts{};                ///< of that
  uint64_t broken = 0;                 ///< names
  uint64_t diverging = 0;
  std::vector<std::string> first{};  ///< of these: "team/app:1.0: missing, layer 2 of 7 sha256:…"
  std::string last_error{};          ///< why the tour under way does not go on; ""
};

/// Goes over all tags of a registry again and again, and finds those that cannot be pulled whole: what an index lost to
/// a garbage collection is found before a deploy needs it. A tour that is interrupted, by an outage there or the end of
/// this process, goes on behind the repository it had come to, and what it had found is known at the next start before
/// anything is asked. It asks few questions at a time, and none while few are left of the target's rate limit.
class Prober {
 public:
  struct Parts {
    blob::Inspector& target;
    blob::Inspector* other;  ///< what it is compared with, or null
    meta::TourIndex& tours;
    sys::Clock& clock;
    sys::Metrics& metrics;
    Log& log;
  };
  Prober(Parts parts, ProberOptions options);

  /// Until stop(): then it notes how far it has come and returns, before the next repository. May be destroyed with its
  /// loop at any point.
  Awaitable<void> run();
  /// Begins with what another one knew, and where it was, instead of what was noted. `before` has returned from run().
  void go_on_from(const Prober& before);
  /// Any thread.
  void stop();
  /// The same of a target that is not looked at any more: its metrics are shown no longer. Any thread.
  void retire();
  /// One tour, or what of it can be done now; gives when to go on. What run() does again and again.
  Awaitable<Duration> tour();
  /// As it was noted before this process began.
  Awaitable<void> restore();
  /// Any thread.
  ProbeState state() const;

 private:
  Task<void> go_over_all();
  Task<std::vector<oci::Repository>> next_repositories();
  bool is_wanted(const oci::Repository& repository) const;
  Task<void> go_over(oci::Repository repository);
  void note(const verify::Verdict& verdict);
  struct Found {
    oci::Reference tag;
    std::optional<oci::Digest> digest{};
  };
  Awaitable<void> compare(oci::Repository repository, std::vector<Found> found);
  Awaitable<void> compare_one(oci::Repository repository, oci::Reference tag, std::optional<oci::Digest> digest);
  /// That `other` did not answer, when that is what it is. With the last one that is borne it is asked no more.
  void learn_of_other(const Error& error);
  bool is_other_silent() const;
  void note_difference(const std::string& name, const std::string& text);
  void forget_unseen();
  void show(bool is_running);
  void keep();
  void hide();
  Awaitable<void> rest(Duration pause);

  // constant after construction
  const Parts parts_;
  const ProberOptions options_;
  const bool is_by_name_;  ///< all repositories are named: no catalog is needed
  sys::Gauge& failures_;
  sys::Gauge& accessible_;
  sys::Gauge& repositories_checked_;
  sys::Gauge& tags_checked_;
  sys::Gauge& indexes_checked_;
  sys::Gauge& last_run_;
  sys::Gauge& unknown_;
  sys::Gauge& diverging_;
  sys::Gauge& every_;

  // of tour() alone
  ProbeBook book_;
  std::optional<WallTime> started_;
  std::optional<WallTime> finished_;
  std::string last_error_;
  unsigned other_outages_ = 0;  ///< in this tour

  bool is_restored_ = false;  ///< or has gone on from another

  // own synchronization
  Guarded<ProbeState> shown_;
  sys::Notification stop_asked_;
  std::atomic<bool> is_stopping_ = false;
  std::atomic<bool> is_retired_ = false;
};

}  // namespace lifeboat::registry
