#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "sys/block_pool.h"
#include "sys/clock.h"
#include "sys/http_head_parser.h"
#include "sys/http_server.h"
#include "sys/http_transport_native.h"

namespace lifeboat::sys {

class HttpConnection;

/// What the connections of one loop share; used on that loop only.
struct HttpLoop {
  unsigned index = 0;
  std::vector<std::byte> scratch = std::vector<std::byte>(64 * kKiB);  ///< where requests arrive; not kept over a wait
  std::unordered_set<HttpConnection*> connections;

  /// "Date: …\r\n", made once a second.
  std::string_view date_line(WallTime now);

 private:
  WallTime date_second_{};
  std::string date_line_;
};

/// What all connections of a server share.
struct HttpServing {
  HttpServerOptions options;
  Clock& clock;
  BlockPool& blocks;
  HttpHandler& handler;
  std::atomic<bool> is_stopping = false;
  std::atomic<uint64_t> next_request = 0;
};

/// The floor under a body's speed: so many bytes in each window, or the transfer ends (W9). Long transfers live, a
/// trickle does not.
class RateFloor {
 public:
  RateFloor(uint64_t bytes_per_second, Duration window, SteadyTime now)
      : need_(bytes_per_second * static_cast<uint64_t>(window.count()) / 1000), window_(window), start_(now) {}
  SteadyTime deadline() const { return start_ + window_; }
  void count(uint64_t bytes) { moved_ += bytes; }
  /// After the deadline: true when enough came, and a new window begins.
  bool renew(SteadyTime now) {
    if (now < deadline()) return true;
    const bool is_enough = moved_ >= need_;
    moved_ = 0;
    start_ = now;
    return is_enough;
  }

 private:
  uint64_t need_;
  Duration window_;
  SteadyTime start_;
  uint64_t moved_ = 0;
};

/// One connection from accept to close: reads heads, sends prepared answers at once, hands the rest to the handler as
/// an HttpExchange.
class HttpConnection {
 public:
  HttpConnection(HttpServing& serving, HttpLoop& loop, std::unique_ptr<HttpTransport> transport);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  Awaitable<void> run();
  void expire(SteadyTime now) { transport_->expire(now); }
  /// Ends the connection where it waits for a request; a running exchange goes on.
  void close_if_idle();
  /// Ends it wherever it is.
  void cut();

 private:
  friend class HttpConnectionExchange;
  enum class Next { request, close };

  Awaitable<bool> handshake();
  Awaitable<Next> next_request();
  /// Answers as many complete requests at the front of `bytes` as it can without waiting. Returns how many bytes are
  /// done with; `unsent_` is set when an answer did not go out whole.
  std::size_t answer_prepared(std::string_view bytes);
  bool send_prepared(const HttpHead& head, const PreparedHit& hit);
  Awaitable<bool> send_unsent();
  Awaitable<void> exchange();
  Awaitable<void> refuse(int status, std::string_view reason);
  Awaitable<void> linger();
  /// `second` right behind `first`; false when the client left or reads slower than the floor.
  Awaitable<bool> send_all(std::string_view first, std::string_view second, bool has_more);
  /// A closed-over check of bytes that cannot become a request: the status to refuse with, or 0.
  int unacceptable(std::string_view partial) const;
  RateFloor rate_floor() const;

  struct Unsent {
    PreparedHit hit;
    std::string head;        ///< with the server's own fields
    std::string_view body;   ///< within the answer
    std::size_t offset = 0;  ///< of head + body
    uint64_t file_offset = 0;
    uint64_t file_left = 0;
  };

  // Constant after construction.
  HttpServing& serving_;
  HttpLoop& loop_;
  std::unique_ptr<HttpTransport> transport_;
  // Used by the loop's thread alone.
  std::string pending_;  ///< received and not yet used: part of a head, or what follows the head in work
  std::unique_ptr<Unsent> unsent_;
  std::size_t head_size_ = 0;  ///< of the head at the front of pending_ that goes the long way
  bool closes_ = false;
  bool is_idle_ = false;
  bool is_cut_ = false;
};

}  // namespace lifeboat::sys
