#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/call.h"
#include "base/task.h"
#include "sys/block_pool.h"
#include "sys/http_message.h"

namespace lifeboat::sys {

/// How long each step of an outgoing request may take. The whole is bounded by the Call as well, up to the response
/// head; with a redirect the steps begin anew. A lookup that is too late is abandoned, not ended: its thread stays with
/// the system's resolver until that gives up, and nothing waits for it.
struct HttpDeadlines {
  Duration resolve{std::chrono::seconds(1)};     ///< the name's lookup
  Duration connect{std::chrono::seconds(1)};     ///< TCP, shared by the addresses of the host: a dead one leaves half
  Duration tls{std::chrono::seconds(1)};         ///< the handshake, and before it what a proxy takes to reach the host
  Duration first_byte{std::chrono::seconds(3)};  ///< request sent → status line
  Duration stall{std::chrono::seconds(10)};      ///< between two bytes of a body
  friend bool operator==(const HttpDeadlines&, const HttpDeadlines&) = default;
};

/// What an endpoint's TLS is checked against.
struct HttpTrust {
  std::string ca_file;             ///< PEM bundle instead of the system's; empty: the system's
  std::string client_certificate;  ///< PEM file; empty: none
  std::string client_key;
  bool skip_verify = false;  ///< accept any certificate: for tests and for people who say so
};

struct HttpClientRequest {
  HttpMethod method = HttpMethod::get;
  std::string url;            ///< http:// or https://
  std::string unix_socket{};  ///< to connect to instead of what `url` names; never by a proxy. Empty: none
  HttpFields fields;          ///< `Accept-Encoding: identity` is added, always
  std::string body;           ///< for POST of a form
  HttpDeadlines deadlines;
  HttpTrust trust;
  int redirects_max = 5;
  uint64_t body_max_bytes = 8 * kMiB;  ///< for send(): a longer body is an error `corrupt`
  bool waits_for_turn = true;          ///< for open(): false: too_many at once when it would have to wait
};

struct HttpClientResponse {
  int status = 0;
  HttpFields fields;
  std::string body;           ///< send() only
  std::string effective_url;  ///< after redirects, without query
};

/// A response whose body is still coming. One coroutine at a time. Destroying it ends the transfer.
class HttpDownload {
 public:
  virtual ~HttpDownload() = default;
  /// Status and fields; the body of any status is delivered.
  virtual const HttpClientResponse& head() const = 0;
  /// The Content-Length of the response, when there is one.
  virtual std::optional<uint64_t> length() const = 0;
  /// The next bytes: a full block, or what there is at the end of the body; an empty block (size 0) after the last.
  /// At most two full blocks wait unread, then the peer is made to wait. corrupt: the body was shorter or longer than
  /// announced; unavailable: cut; timed_out: stalled.
  virtual Task<Block> next() = 0;
};

/// Outgoing HTTP: proxies from the environment, the system's CA bundle, HTTP/2, kept-alive connections, redirects (an
/// Authorization field is dropped when the host changes: W90). A request without an HTTP answer is timed_out or
/// unavailable, a body that ended early or ran over is corrupt; the Error's step tells how far it had come. Any thread.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  /// A request whose whole answer fits in memory. An HTTP status of any kind is a value, not an Error.
  virtual Task<HttpClientResponse> send(Call call, HttpClientRequest request) = 0;
  /// A request whose answer is streamed; resumes when the head is here. `call` bounds the time to the head only.
  /// Streams from one host are bounded in number (send() is not): one that got no turn in time is too_many, which is no
  /// fault of the host.
  virtual Task<std::unique_ptr<HttpDownload>> open(Call call, HttpClientRequest request) = 0;
  /// Gets ready in the background, so that the first request need not wait for it.
  virtual void warm_up() {}
};

struct HttpClientOptions {
  std::string user_agent;  ///< "lifeboat/<version>"
  /// Downloads that run to one host at a time; further ones wait for their turn.
  long connections_per_host_max = 16;  // NOLINT(google-runtime-int): libcurl's type
};

/// libcurl on one thread of its own. The library is opened by warm_up() or the first request, not at the start: serving
/// what is held needs none of it, and it costs 7 ms and 4 MiB.
std::unique_ptr<HttpClient> make_curl_http_client(HttpClientOptions options, BlockPool& blocks);

}  // namespace lifeboat::sys
