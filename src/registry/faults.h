#pragma once

#include <optional>
#include <string>

#include "base/call.h"
#include "base/log.h"
#include "base/task.h"
#include "blob/integrity.h"
#include "blob/store.h"
#include "meta/store.h"
#include "registry/change_stamps.h"
#include "registry/content_leases.h"
#include "sys/clock.h"
#include "sys/metrics.h"
#include "sys/notification.h"

namespace lifeboat::registry {

/// What becomes of content that somebody found not to be what it should be: out of the way, and missing from then on.
/// Everything else (a push, a fetch, the repairer) then does what it does for what was never here. Any thread.
///
/// The bytes go first and the names learn it after: what is brought again in between is found by a last look, and a
/// process that dies in between leaves names without bytes, which the next look finds.
class Faults {
 public:
  struct Parts {
    blob::Store& blobs;
    blob::Integrity& integrity;
    meta::Store& names;
    ContentLeases& leases;
    ChangeStamps& stamps;
    sys::Clock& clock;
    sys::Metrics& metrics;
    Log& log;
  };
  explicit Faults(const Parts& parts);

  /// Somebody could not read it, or read something else. Looks again: the fault that is noted now; nothing: it is
  /// whole. An error of the disk is no verdict, and is the error. unavailable: somebody is just bringing it.
  Task<std::optional<meta::Fault>> examine(Call call, oci::Digest digest, uint64_t size_bytes);
  /// Names stand for it and no record tells that it ever was here; its bytes are not.
  Task<void> note_lost(Call call, oci::Digest digest, std::string detail);
  /// Counts one of these, for `lifeboat_scrub_faults_total`.
  void count(std::string_view kind);
  /// Told when a fault was noted.
  sys::Notification& noted() { return noted_; }
  /// Answers that were prepared of what has or names this content are made anew.
  Task<void> forget_answers(Call call, oci::Digest digest);

 private:
  Task<void> note(Call call, meta::Fault fault);

  const Parts parts_;
  sys::Notification noted_;
};

/// "missing", "wrong_size", "wrong_bytes": as metrics and reports have it.
std::string_view to_string(meta::FaultKind kind);

}  // namespace lifeboat::registry
