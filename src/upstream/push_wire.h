#pragma once

// Private to the pusher: one request of it, with its login, its failure and its repetition.

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.h"
#include "sys/clock.h"
#include "sys/http_upload.h"
#include "sys/metrics.h"
#include "sys/notification.h"
#include "upstream/authorizer.h"
#include "upstream/bandwidth.h"
#include "upstream/endpoint.h"

namespace lifeboat::upstream {

/// The pause before a request that failed is made again; nothing: it is not. `asked`: how often so far, of `asked_max`.
/// `named`: the pause that the registry asked for. Who pushes has time: it is waited for, up to kPushPauseMax.
std::optional<Duration> push_pause(const Error& failure, int asked, std::optional<Duration> named);
inline constexpr Duration kPushPauseMax = std::chrono::minutes(2);
inline constexpr int kPushAskedMax = 4;

/// What an answer to a pushing request means; nothing: any success. As failure_of(), and: 413 — invalid; 507 —
/// no_space; 500 — internal, since it may be about this one thing; 409 — conflict.
struct PushFailure {
  Error error;
  int status = 0;
  std::optional<Duration> named_pause{};
};
std::optional<PushFailure> push_failure_of(const sys::HttpClientResponse& response, std::string_view doing,
                                           WallTime now);

/// How large a chunk may be after one of `chunk_bytes` (0: the whole blob) was refused with 413; nothing: no smaller
/// one is tried. The limits that proxies have are 100 MB and 1 MB at the least that is seen (nginx).
std::optional<uint64_t> smaller_chunk(uint64_t chunk_bytes);

class PushWire {
 public:
  struct Parts {
    sys::HttpUploadClient& client;
    sys::Clock& clock;
    sys::FileSystem& files;
    sys::ThreadPool& disk;
    Log& log;
  };
  PushWire(Parts parts, Endpoint endpoint, uint64_t bytes_per_second);

  struct Order {
    sys::HttpMethod method = sys::HttpMethod::head;
    std::string url{};
    std::string scope{};
    std::string doing{};  ///< "cannot put manifest 'a:b'", for messages
    sys::HttpFields fields{};
    std::string body{};
    bool has_login = true;                ///< false: another host's URL
    std::optional<Duration> answer_in{};  ///< nothing: what every answer may take
    bool is_missing_fine = false;         ///< 404 is an answer: it is given as it is
  };
  /// Any success; failures are repeated as push_pause() says.
  Task<sys::HttpClientResponse> ask(Call call, Order order);

  /// A body to be given. `authorization` is what it went out with.
  struct Running {
    std::unique_ptr<sys::HttpUpload> upload{};
    std::string authorization{};
  };
  Task<Running> begin(Call call, Order order, uint64_t body_bytes);
  /// It was answered with 401: so that the next request has another login. An error: there is none.
  Task<void> log_in_again(Call call, const Order& order, const sys::HttpClientResponse& response, std::string used);
  void note_accepted(const std::string& used);

  const Endpoint& endpoint() const { return endpoint_; }
  sys::Clock& clock() const { return parts_.clock; }
  /// Waits until these bytes may go.
  Awaitable<void> wait_for_bandwidth(uint64_t bytes);
  /// The largest body that gets through to this registry; 0: no bound is known.
  uint64_t chunk_bytes() const { return chunk_bytes_.load(std::memory_order_relaxed); }
  /// One of `sent` was refused. False: nothing smaller is tried.
  bool shrink_chunks(uint64_t sent);

 private:
  Task<sys::HttpClientResponse> ask_once(Call call, const Order& order, std::optional<PushFailure>& failure);
  sys::HttpClientRequest request_of(const Order& order, const std::string& authorization) const;

  // constant after construction
  const Parts parts_;
  const Endpoint endpoint_;

  // own synchronization
  sys::Metrics unseen_;  ///< what the parts below would show of an upstream
  sys::Notification unheard_;
  Authorizer authorizer_;
  Bandwidth bandwidth_;
  std::atomic<uint64_t> chunk_bytes_ = 0;
};

}  // namespace lifeboat::upstream
