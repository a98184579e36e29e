#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "base/log.h"
#include "oci/full_reference.h"
#include "registry/addressing.h"
#include "registry/upkeep/capture.h"
#include "sys/clock.h"
#include "sys/event_loops.h"
#include "sys/notification.h"

namespace lifeboat::registry {

/// What is to be here whether anybody pulls it or not: each reference of a list is resolved and captured at the start,
/// when the list is given anew, and in rounds. What fails is logged when it begins to and when it ends, and tried again
/// in the next round. Any thread.
class PrefetchList {
 public:
  struct Parts {
    Addressing& addressing;
    Capture& capture;
    sys::EventLoops& loops;
    sys::Clock& clock;
    Log& log;
  };
  explicit PrefetchList(Parts parts) : parts_(parts) {}

  /// From now on this list; a round begins at once. `every` 0: no further ones.
  void replace(std::vector<oci::FullReference> references, Duration every);
  /// Works until stop(). What is asked then is not waited for.
  Awaitable<void> run();
  void stop();

 private:
  struct Order {
    std::vector<oci::FullReference> references;
    Duration every{};
    uint64_t number = 0;  ///< of the list: another one has another
  };
  using Outcome = Guarded<std::optional<Result<oci::Digest>>>;

  Awaitable<void> round(const Order& order);
  Awaitable<void> prefetch(oci::FullReference reference, std::shared_ptr<Outcome> outcome);
  Task<oci::Digest> resolve(oci::FullReference reference);
  void note(const oci::FullReference& reference, const Result<oci::Digest>& result);
  uint64_t number() const;

  const Parts parts_;
  std::atomic<bool> is_stopping_ = false;
  sys::Notification changed_;
  Guarded<Order> order_;
  std::map<oci::FullReference, ErrorCode> failing_;  ///< of run() alone
};

}  // namespace lifeboat::registry
