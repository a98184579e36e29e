#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "base/log.h"
#include "oci/manifest.h"
#include "registry/faults.h"
#include "registry/upkeep/repairer.h"
#include "registry/upkeep/scrub_plan.h"

namespace lifeboat::registry {

struct ScrubOptions {
  uint64_t rate_bytes = 32 * kMiB;             ///< a second, of a tour that nobody ordered; 0: as fast as it goes
  Duration every{std::chrono::hours(7 * 24)};  ///< a whole tour; 0: only when it is ordered
};

/// A whole tour now.
struct ScrubOrder {
  bool is_repaired = true;  ///< false: only look; nothing is moved, noted or fetched
  uint64_t rate_bytes = 0;  ///< a second; 0: as fast as it goes
};

/// Something that a tour found.
struct ScrubFinding {
  oci::Digest digest;
  std::string kind;  ///< as `lifeboat_scrub_faults_total` has it
  std::string detail;
};

/// The tour under way, or the last one.
struct ScrubProgress {
  static constexpr std::size_t kFindingsMax = 1000;

  bool is_running = false;
  bool is_ordered = false;
  bool is_repaired = true;
  WallTime started{};
  std::optional<WallTime> finished{};  ///< nothing: it was not done, or broke off
  uint64_t checked = 0;                ///< pieces of content
  uint64_t checked_bytes = 0;
  uint64_t known = 0;  ///< about how many there are, and how much
  uint64_t known_bytes = 0;
  uint64_t found = 0;                    ///< faults
  std::vector<ScrubFinding> findings{};  ///< the first kFindingsMax
  uint64_t unrecorded = 0;               ///< pieces on disk that no name stands for: harmless, the collector's
  uint64_t unrecorded_bytes = 0;
  std::string error{};  ///< why it broke off
};

/// Looks at everything that is held, again and again: what names stand for is on disk, and is what its digest says; of
/// a manifest all that it names is recorded, of a cache as far as it is on disk. A tour begins at a random place, goes
/// on where it was after a restart, and reads no faster than it may. What is faulty goes the way of every fault
/// (faults.h).
class Scrubber {
 public:
  struct Parts {
    blob::Store& blobs;
    blob::Integrity& integrity;
    meta::Store& names;
    Faults& faults;
    Repairer& repairer;
    sys::Clock& clock;
    sys::Metrics& metrics;
    Log& log;
  };
  Scrubber(const Parts& parts, ScrubOptions options);

  /// Works until stop(). Any thread for the rest.
  Awaitable<void> run();
  void stop();
  /// conflict: an ordered tour is under way already, or the process stops.
  Status order(ScrubOrder order);
  ScrubProgress progress() const;
  /// One whole tour as ordered, here and now; for who runs no run().
  Awaitable<void> tour_now(ScrubOrder order);

 private:
  struct Way {
    bool is_looking_only = false;
    bool gives_way = false;  ///< to an order
    uint64_t rate_bytes = 0;
  };
  enum class Ended { whole, interrupted };

  Awaitable<SteadyTime> tour_when_due();
  Awaitable<void> ordered_tour(ScrubOrder order);
  Task<Ended> tour(TourPosition& position, const Way& way);
  Task<void> check(Call call, meta::KnownContent content, const Way& way, Pace& pace);
  /// What it is now, read at the pace.
  Task<blob::Damage> look(Call call, meta::KnownContent content, const Way& way, Pace& pace);
  Task<void> check_names_of(Call call, oci::Digest manifest, const Way& way);
  Task<void> check_edges(Call call, oci::Digest digest, const oci::Manifest& manifest, const Way& way);
  Task<void> mend_record(Call call, oci::Digest digest, std::string detail, const Way& way);
  Task<void> check_lost_manifests(Call call, const Way& way);
  Task<void> count_unrecorded(const Way& way);
  void note_unreadable(const oci::Digest& digest, const Error& error);
  void add_finding(const oci::Digest& digest, std::string_view kind, std::string detail);
  void begin_progress(bool is_ordered, bool is_repaired);
  Awaitable<void> learn_totals();
  bool is_interrupted(const Way& way) const;
  Call call() const;

  const Parts parts_;
  const ScrubOptions options_;
  sys::Counter& checked_bytes_;
  sys::Gauge& last_success_;
  sys::Gauge& unrecorded_;
  std::atomic<bool> is_stopping_ = false;
  SteadyTime not_before_{};  ///< of run() alone
  sys::Notification woken_;
  Guarded<std::optional<ScrubOrder>> order_;
  Guarded<ScrubProgress> progress_;
};

}  // namespace lifeboat::registry
