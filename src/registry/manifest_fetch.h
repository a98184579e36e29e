#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/call.h"
#include "base/guarded.h"
#include "base/log.h"
#include "base/task.h"
#include "blob/source.h"
#include "blob/store.h"
#include "meta/store.h"
#include "oci/reference.h"
#include "oci/repository_id.h"
#include "registry/change_stamps.h"
#include "registry/content_leases.h"
#include "sys/clock.h"
#include "sys/event_loops.h"
#include "sys/notification.h"

namespace lifeboat::registry {

/// Asks an upstream for a manifest, verifies and keeps it: once for all who wait for the same reference. The asking
/// goes on when a waiter's deadline has passed, so that the next one finds the answer. A true "not found" is remembered
/// for a moment. Any thread.
class ManifestFetches {
 public:
  ManifestFetches(blob::Store& blobs, meta::Store& names, ContentLeases& leases, ChangeStamps& stamps,
                  sys::Clock& clock, sys::EventLoops& loops, Log& log);
  ~ManifestFetches();

  struct Request {
    oci::RepositoryId repository;
    oci::Reference reference;
    blob::Source* source = nullptr;
    std::shared_ptr<const void> keep_alive;   ///< whatever owns the source
    bool is_held = false;                     ///< a tag we hold: a HEAD first, it is probably unchanged
    WallTime held_checked = WallTime::max();  ///< when it was confirmed, as the asker knows; max: ask in any case
    bool drops_gone = false;                  ///< a held tag that the source has no more is forgotten
    bool is_captured = false;                 ///< what it names is to be fetched as well (upkeep/capture.h)
    Duration not_found_for{};                 ///< how long its "not found" is given again without asking
  };
  struct Answer {
    oci::Digest digest;
    std::string endpoint;  ///< who said so
  };
  /// What the reference means now; its manifest is in the store. The source's errors; timed_out at `call`'s deadline.
  Task<Answer> fetch(Call call, Request request);
  Awaitable<void> stop();
  /// Told when a manifest was kept that is to be captured.
  sys::Notification& capture_added() { return capture_added_; }

 private:
  using Key = std::pair<oci::RepositoryId, std::string>;
  struct Flight {
    Guarded<std::optional<Result<Answer>>> outcome;
    sys::Notification ended;
  };
  struct Absence {
    SteadyTime until;
    Error error;
  };
  struct Desk {
    std::map<Key, std::shared_ptr<Flight>> flights;
    std::map<Key, Absence> absent;
  };
  void note_absent(Desk& desk, const Key& key, SteadyTime until, const Error& error);
  Awaitable<void> lead(Request request, std::shared_ptr<Flight> flight);
  Task<Answer> ask(Call call, const Request& request);
  Task<Answer> keep(Call call, const Request& request, std::optional<oci::Digest> expected);

  blob::Store& blobs_;
  meta::Store& names_;
  ContentLeases& leases_;
  ChangeStamps& stamps_;
  sys::Clock& clock_;
  Log& log_;
  sys::Notification capture_added_;
  sys::TaskGroup tasks_;
  Guarded<Desk> desk_;
};

}  // namespace lifeboat::registry
