#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/call.h"
#include "base/guarded.h"
#include "base/log.h"
#include "base/task.h"
#include "blob/source.h"
#include "blob/store.h"
#include "meta/store.h"
#include "oci/repository_id.h"
#include "registry/content_leases.h"
#include "sys/clock.h"
#include "sys/event_loops.h"
#include "sys/metrics.h"
#include "sys/notification.h"

namespace lifeboat::registry {

/// A blob on its way from an upstream, followed by any number of readers while it is written. The fetch belongs to the
/// cache, not to a reader: it goes on when all of them have left. Any thread.
class BlobFetch {
 public:
  struct State {
    enum class Phase { starting, streaming, committed, failed };
    Phase phase = Phase::starting;
    std::optional<uint64_t> size_bytes;              ///< as the source announced; exact once committed
    uint64_t available_bytes = 0;                    ///< what readers may have now: the last bytes wait for the digest
    std::shared_ptr<const sys::ReadableFile> bytes;  ///< from `streaming` on
    std::optional<Error> failure;
    std::string endpoint;  ///< who began to give it
  };

  State state() const;
  sys::Notification& changed() { return changed_; }

  /// Waits until readers can be promised something: bytes are available, it is committed, or it failed. What is small
  /// is committed by then. timed_out at `call`'s deadline; the fetch goes on.
  Task<State> wait_for_promise(Call call);

 private:
  friend class BlobFetches;
  void publish_stream(const blob::Stream& stream, std::shared_ptr<const sys::ReadableFile> bytes);
  void publish_written(uint64_t written);
  void publish_committed(const blob::Content& content);
  void publish_failure(Error error);

  Guarded<State> state_;
  sys::Notification changed_;
};

/// One fetch per repository and digest, whatever the number of readers.
class BlobFetches {
 public:
  /// How many bytes at the end of a blob are withheld until its digest has matched.
  static constexpr uint64_t kWithheldBytes = 64 * kKiB;

  BlobFetches(blob::Store& blobs, meta::Store& names, ContentLeases& leases, sys::Clock& clock, sys::EventLoops& loops,
              sys::Metrics& metrics, Log& log);
  ~BlobFetches();

  struct Request {
    oci::RepositoryId repository;
    oci::Digest digest;
    blob::Source* source = nullptr;
    std::shared_ptr<const void> keep_alive;  ///< whatever owns the source
  };
  /// The running fetch, or a new one. For a while after bytes were cut off or wrong, the same failure at once: a client
  /// that comes back for the rest is better served by its next host (CLIENTS.md §1.1).
  std::shared_ptr<BlobFetch> join_or_start(Call call, Request request);
  std::size_t running() const;
  /// Lets running fetches end by themselves until the loops stop; starts no more.
  Awaitable<void> stop();

 private:
  using Key = std::pair<oci::RepositoryId, oci::Digest>;
  struct Entry {
    std::shared_ptr<BlobFetch> fetch;
    SteadyTime forget_at = SteadyTime::max();  ///< failed ones are remembered until then
  };
  Awaitable<void> lead(Call call, Request request, std::shared_ptr<BlobFetch> fetch);
  Task<blob::Content> transfer(Call call, Request request, std::shared_ptr<BlobFetch> fetch);
  void end(const Key& key, bool remember);

  blob::Store& blobs_;
  meta::Store& names_;
  ContentLeases& leases_;
  sys::Clock& clock_;
  Log& log_;
  sys::Gauge& in_flight_;
  sys::TaskGroup tasks_;
  Guarded<std::map<Key, Entry>> entries_;
};

}  // namespace lifeboat::registry
