#pragma once

#include <map>
#include <memory>
#include <optional>
#include <unordered_map>

#include "base/call.h"
#include "base/guarded.h"
#include "base/log.h"
#include "base/task.h"
#include "blob/store.h"
#include "meta/store.h"
#include "oci/repository_id.h"
#include "oci/upload_id.h"
#include "registry/content_leases.h"
#include "sys/clock.h"
#include "sys/metrics.h"

namespace lifeboat::registry {

struct UploadsOptions {
  Duration expires_after{std::chrono::hours(24)};  ///< of inactivity (W45)
  std::size_t per_repository_max = 1000;           ///< sessions (W45)
  /// Open sessions over all repositories, each a descriptor. Beyond it the longest idle one is put aside: closed, and
  /// read again from the store when its client comes back.
  std::size_t open_max = 4000;
};

/// Upload sessions between their requests (OCI distribution-spec 1.1, end-4 … end-6). A session survives a restart of
/// the process: its bytes are on disk, its repository is in the names store. Any thread.
class Uploads {
 public:
  Uploads(UploadsOptions options, blob::Store& blobs, meta::Store& names, ContentLeases& leases, sys::Clock& clock,
          sys::Metrics& metrics, Log& log);
  ~Uploads();

  /// Exclusive use of a session for the time of one request; gives it back when destroyed.
  class Lease {
   public:
    Lease(Lease&&) noexcept;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    const oci::UploadId& id() const;
    uint64_t received() const;
    /// See blob::Writer::append and flush.
    Task<void> append(sys::Block block);
    Task<void> flush();

   private:
    friend class Uploads;
    struct Session;
    Lease(Uploads& owner, std::shared_ptr<Session> session);
    Uploads* owner_;
    std::shared_ptr<Session> session_;
  };

  /// A new session; too_many over the repository's bound, or when `open_max` are all in use. The repository exists once
  /// something is committed.
  Task<Lease> begin(Call call, oci::RepositoryId repository, HashAlgorithm algorithm);
  /// not_found: unknown, ended or expired, or of another repository. conflict: another request has it now. too_many: as
  /// for begin.
  Task<Lease> acquire(Call call, oci::RepositoryId repository, oci::UploadId id);
  /// The session's bytes become content of its repository; durable at return. corrupt: the digest differs, the session
  /// is over (W39). unavailable: that content is being removed at this moment; the session stays.
  Task<void> commit(Call call, Lease lease, oci::Digest digest);
  /// For a repeated PUT: what the ended session was committed as (W40). not_found otherwise.
  Task<oci::Digest> committed(Call call, oci::RepositoryId repository, oci::UploadId id);
  Task<void> cancel(Call call, Lease lease);

  /// Once, after the start: drops sessions on disk that are older than this object and that no record names (fetches
  /// cut off by the last end of the process, uploads whose record was not yet durable). Younger ones may be in use
  /// already. What cannot be removed does not keep the rest; the first failure is returned.
  Task<void> drop_orphans(Call call);
  /// From time to time: drops sessions nobody has used for `expires_after` (W45). Failures as above.
  Task<void> reap(Call call);
  std::size_t open_sessions() const;  ///< those put aside not counted

 private:
  using Session = Lease::Session;
  /// All sessions this process knows of, open or put aside.
  struct Known {
    std::unordered_map<oci::UploadId, std::shared_ptr<Session>> sessions;
    std::map<oci::RepositoryId, std::size_t> of_repository;
    std::size_t open = 0;
  };
  Status open(Known& known, Session& session);
  static void add(Known& known, const std::shared_ptr<Session>& session);
  void remove(Known& known, const oci::UploadId& id);
  void give_back(const std::shared_ptr<Session>& session);

  const UploadsOptions options_;
  const WallTime made_;
  blob::Store& blobs_;
  meta::Store& names_;
  ContentLeases& leases_;
  sys::Clock& clock_;
  sys::Gauge& open_;
  Log& log_;
  Guarded<Known> known_;
};

}  // namespace lifeboat::registry
