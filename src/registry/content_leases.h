#pragma once

#include <optional>
#include <unordered_map>

#include "base/call.h"
#include "base/guarded.h"
#include "base/task.h"
#include "oci/digest.h"
#include "sys/clock.h"
#include "sys/notification.h"

namespace lifeboat::registry {

/// Keeps the collector's hand off bytes that are about to get a row.
///
/// Bytes are committed first and named after. Were they unlinked before their row is there, be they new or (of a
/// manifest) found on disk and relied on, the row would stand for nothing. So:
///   - who commits content and then writes a row that needs it holds a share of the digest from before the commit until
///     the row is durable;
///   - who unlinks content, or moves what is damaged out of the way, holds the digest alone from before it asks whether
///     a row needs it until the bytes are gone.
/// In memory: one process owns a data directory, and what a dead process held is nobody's any more. Any thread.
class ContentLeases {
 public:
  explicit ContentLeases(sys::Clock& clock) : clock_(clock) {}
  ContentLeases(const ContentLeases&) = delete;
  ContentLeases& operator=(const ContentLeases&) = delete;

  /// Given back when destroyed. Must not outlive the leases.
  class Lease {
   public:
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&&) = delete;
    ~Lease();

   private:
    friend class ContentLeases;
    Lease(ContentLeases& owner, const oci::Digest& digest, bool is_share);
    ContentLeases* owner_;
    oci::Digest digest_;
    bool is_share_;
  };

  /// Waits while the collector has it, which takes as long as a file's unlinking. unavailable: it took longer.
  Task<Lease> share(Call call, oci::Digest digest);
  /// Nothing: somebody has a share, or has it alone.
  std::optional<Lease> take_alone(const oci::Digest& digest);
  std::size_t size() const;

 private:
  struct Held {
    std::size_t shares = 0;
    bool is_alone = false;
  };
  void give_back(const oci::Digest& digest, bool is_share);

  sys::Clock& clock_;
  Guarded<std::unordered_map<oci::Digest, Held>> held_;
  sys::Notification given_back_;
};

}  // namespace lifeboat::registry
