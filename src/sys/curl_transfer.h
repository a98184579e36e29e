#pragma once

// Private to the HTTP client.

#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "sys/connection_name.h"
#include "sys/curl_library_native.h"
#include "sys/http_client.h"
#include "sys/http_upload.h"
#include "sys/notification.h"

namespace lifeboat::sys {

/// Header fields of one response, all together: more is an attack or a fault.
inline constexpr std::size_t kResponseHeadMaxBytes = 64 * kKiB;
/// Full blocks that wait for the reader; with the one being filled a transfer holds three.
inline constexpr std::size_t kBlocksReadyMax = 2;
/// A block that is not full goes out when nothing came for so long, so that a slow peer still streams.
inline constexpr std::chrono::milliseconds kPartialBlockDelay{5};
/// The first bytes of a body are handed out when there are so many, not only as a full block: somebody waits for them.
inline constexpr std::size_t kFirstBlockBytes = 128 * kKiB;

/// Pieces of a request's body that wait to be sent.
inline constexpr std::size_t kPiecesWaitingMax = 2;

/// How far a transfer has come: names the step in an error and tells which deadline runs.
enum class TransferStep { queued, waiting, resolve, connect, tls, sending, first_byte, head, body, ended };
std::string_view to_string(TransferStep step);

/// One outgoing request, shared by the coroutine that asked and the thread that runs libcurl.
class CurlTransfer {
 public:
  enum class Mode { buffered, streamed };

  /// invalid: the request cannot be written down (another scheme, a line break in a field).
  static Status check(const HttpClientRequest& request);

  CurlTransfer(HttpClientRequest request, Mode mode, BlockPool& blocks, std::string user_agent);
  /// The same with a body of so many bytes, which are offered.
  CurlTransfer(HttpClientRequest request, uint64_t body_bytes, BlockPool& blocks, std::string user_agent);
  ~CurlTransfer();
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;

  // --- any thread ---
  Mode mode() const { return mode_; }
  /// "scheme://host:port" as asked: what connections are counted by.
  const std::string& origin() const { return origin_; }
  /// "cannot get from host 'ghcr.io': <step>: <reason>"
  Error failure(ErrorCode code, TransferStep step, std::string_view reason) const;
  TransferStep step() const { return step_.load(std::memory_order_relaxed); }
  /// Nothing more is wanted: the next callback ends the transfer.
  void cancel() { is_cancelled_.store(true, std::memory_order_relaxed); }
  bool is_cancelled() const { return is_cancelled_.load(std::memory_order_relaxed); }

  Notification& changed() { return changed_; }
  /// The response once its head (streamed) or all of it (buffered) is here, or why it never will be.
  std::optional<Result<HttpClientResponse>> take_response();
  std::optional<uint64_t> length() const;  ///< valid once the response was taken
  /// The next block, an empty one at the end, or nothing yet. `is_room_made`: the peer was made to wait and may go on.
  std::optional<Result<Block>> take_block(bool& is_room_made);
  enum class Offered {
    taken,
    full,  ///< as many wait as may; changed() tells when one goes
    over,  ///< no more is wanted
  };
  /// `is_awaited`: libcurl was made to wait for it and may go on.
  Offered offer(SharedBytes& piece, bool& is_awaited);
  HttpDeadlines deadlines() const { return request_.deadlines; }
  bool waits_for_turn() const { return request_.waits_for_turn; }

  // --- the client's thread only ---
  /// As many downloads as may run to that host do.
  void wait_for_turn() { step_.store(TransferStep::waiting, std::memory_order_relaxed); }
  /// Makes the handle that curl_multi_add_handle takes.
  Result<CURL*> prepare(const CurlLibrary& curl);
  CURL* handle() const { return easy_; }
  /// Lets a peer that was made to wait go on.
  void resume();
  /// Enforces the deadlines and hands out a block that has waited. False: the transfer failed and is to be removed.
  bool look_after(SteadyTime now);
  /// When look_after() has something to do again, at the latest.
  SteadyTime next_look() const;
  /// What libcurl said at the end.
  void finish(CURLcode code);
  void fail_with(Error error);
  /// It failed before the host had taken the request.
  bool has_failed_to_connect() const { return has_failed_to_connect_; }
  bool is_connected() const { return step() > TransferStep::tls && step() < TransferStep::ended; }

 private:
  static std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self);
  static std::size_t on_send(char* room, std::size_t size, std::size_t count, void* self);
  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t);
  static CURLcode on_tls(CURL* easy, void* context, void* self);
  static int on_request(void* self, char* ip, char* local_ip, int port, int local_port);
  /// A request on a connection that was kept gets no answer when the peer has lost its power since: without an
  /// acknowledgement within half of what connecting may take the connection is shut down, libcurl connects anew, and
  /// for that the other half is left. A client waits for both no longer than for one connect.
  void watch_kept_connection(ConnectionName connection);
  void give_up_on_silence(SteadyTime now);
  Duration silence_allowed() const { return request_.deadlines.connect / 2; }

  void set_options();
  void set_body();
  void set_fields();
  void set_trust();
  std::size_t send_into(ByteSpan room);
  bool is_awaiting_piece() const;
  bool take_header_line(std::string_view line);
  bool end_head();
  bool is_redirect_followed() const;
  std::size_t take_body(ByteView bytes);
  void enter(TransferStep step);
  void begin_attempt(Duration connect_within);
  void note_progress();
  void bound_connecting(Duration allowed);
  Duration allowed() const;
  curl_off_t looked_up_us() const;
  void publish_head();
  Error error_of(CURLcode code) const;
  bool reject(ErrorCode code, std::string_view reason);
  template <class Value>
  void set(CURLoption option, Value value) {
    curl_->easy_setopt(easy_, option, value);
  }

  // constant after construction
  const HttpClientRequest request_;
  const Mode mode_;
  const std::optional<uint64_t> upload_bytes_{};  ///< of a body that is offered
  BlockPool& blocks_;
  const std::string user_agent_;
  const std::string host_;
  const std::string origin_;

  // own synchronization
  Notification changed_;
  std::atomic<TransferStep> step_{TransferStep::queued};
  std::atomic<bool> is_cancelled_{false};
  std::atomic<bool> is_redirected_{false};

  // the client's thread only
  const CurlLibrary* curl_ = nullptr;
  CURL* easy_ = nullptr;
  curl_slist* fields_ = nullptr;
  std::array<char, CURL_ERROR_SIZE> error_text_{};
  HttpClientResponse head_;
  std::size_t head_bytes_ = 0;
  std::optional<uint64_t> announced_;
  uint64_t received_ = 0;
  Block filling_;
  bool is_first_block_given_ = false;
  SteadyTime attempt_began_{};          ///< of this host: a redirect begins another
  curl_off_t looked_up_before_us_ = 0;  ///< libcurl's times add up over redirects
  SteadyTime step_began_{};
  Duration connect_within_{};              ///< less for a second attempt
  std::optional<ConnectionName> watched_;  ///< a kept connection that a request went out on
  SteadyTime last_byte_{};
  std::optional<Error> rejected_;
  bool has_failed_to_connect_ = false;
  uint64_t unsent_ = 0;            ///< of upload_bytes_
  std::size_t sent_of_front_ = 0;  ///< of the first piece that waits

  // guarded by mu_
  mutable std::mutex mu_;
  std::optional<Result<HttpClientResponse>> response_;
  bool is_response_given_ = false;
  std::optional<uint64_t> length_;
  std::deque<Block> ready_;
  bool is_paused_ = false;  ///< until the client's thread resumes it: no stall is counted meanwhile
  bool is_resume_ordered_ = false;
  std::deque<SharedBytes> outgoing_;
  bool is_awaiting_piece_ = false;  ///< libcurl waits for one
  bool has_ended_ = false;
  std::optional<Error> failure_;
};

}  // namespace lifeboat::sys
