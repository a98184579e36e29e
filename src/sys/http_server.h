#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/task.h"
#include "base/time.h"
#include "sys/block_pool.h"
#include "sys/event_loops.h"
#include "sys/file_system.h"
#include "sys/http_message.h"

namespace lifeboat::sys {

class Clock;
class TlsServerContext;

/// By which way a request came in.
enum class HttpDoor : bool {
  network,
  local,  ///< a socket in the file system, whose mode says who may come in
};

/// The head of a request, parsed and owned.
struct HttpRequest {
  HttpMethod method = HttpMethod::other;
  std::string method_text;
  std::string target;  ///< as it came: not decoded, with the query
  HttpFields fields;
  std::string peer;  ///< the client's address without port; "local" for the local door
  bool is_tls = false;
  HttpDoor door = HttpDoor::network;
};

/// The few parts of a request's head that a prepared answer depends on; views into the receive buffer.
struct HttpRequestView {
  bool is_head = false;  ///< HEAD; else GET
  std::string_view target;
  std::string_view if_none_match;  ///< "" when absent
};

/// An answer that was made before it was asked for: a send is all it takes. Immutable, shared by requests.
struct PreparedAnswer {
  std::string head;               ///< status line and fields, each line ended; the server adds Date and the empty line
  std::string not_modified_head;  ///< the same for 304
  std::string body;               ///< the bytes, when they are in memory …
  std::shared_ptr<const ReadableFile> file;  ///< … else the file that has them
  uint64_t size_bytes = 0;
};

/// What a prepared answer is sent as.
struct PreparedHit {
  std::shared_ptr<const PreparedAnswer> answer;  ///< null: there is none, the request goes the long way
  bool is_not_modified = false;
};

/// One request and its answer, on the loop that has the connection. Used by the one coroutine that handles it.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;

  virtual const HttpRequest& request() const = 0;
  virtual const std::string& request_id() const = 0;
  /// The index of the loop this runs on.
  virtual unsigned loop() const = 0;

  /// The announced length of the body; 0 for none; nothing for a chunked one.
  virtual std::optional<uint64_t> body_length() const = 0;
  /// The next bytes of the body: a full block, or what there is at the end; an empty block after the last. The first
  /// call sends `100 Continue` when the client waits for it (W4). cancelled: the client left; timed_out: it was slower
  /// than the floor (W9); invalid: broken chunking.
  virtual Task<Block> read_block() = 0;
  /// The whole body when it has at most `max_bytes`, else nothing.
  virtual Task<std::optional<std::string>> read_all(std::size_t max_bytes) = 0;

  /// The whole answer in one. Exactly one of respond, respond_prepared and begin is called, once.
  virtual Awaitable<void> respond(HttpResponse response) = 0;
  virtual Awaitable<void> respond_prepared(PreparedHit hit) = 0;
  /// The head of an answer whose body follows by send and send_file: exactly `length` bytes, or any number when that is
  /// not known (chunked). When the handler returns before all was sent, the connection ends with FIN and the client
  /// sees a short body (with RST where HTTP/1.0 would take a FIN for the end). For HEAD nothing needs to follow.
  virtual Task<void> begin(HttpResponse head, std::optional<uint64_t> length) = 0;
  /// cancelled: the client left. timed_out: it reads slower than the floor.
  virtual Task<void> send(ByteView bytes) = 0;
  virtual Task<void> send_file(const ReadableFile& file, uint64_t offset, uint64_t length) = 0;

  /// Ends an answer of unknown length; without it the client sees it cut. Nothing to do for a known length.
  virtual Task<void> end() = 0;

  /// Whether the connection is to end at once: nothing more will be sent. For who waits for something else.
  virtual bool is_cut() const = 0;
  /// For the access log: the status sent (0: none yet), and the body bytes received and sent.
  virtual int status() const = 0;
  virtual uint64_t received_bytes() const = 0;
  virtual uint64_t sent_bytes() const = 0;
};

/// What a server asks for answers. Called on the loops' threads; must not block them.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  /// For a GET or HEAD without body and Range: the answer, when it is at hand on this loop. Called before anything
  /// else.
  virtual PreparedHit prepared(unsigned loop, const HttpRequestView& request) = 0;
  virtual Awaitable<void> handle(HttpExchange& exchange) = 0;
  /// A request that could not be parsed or was too large: the response to send before the connection closes.
  virtual HttpResponse refuse(int status, std::string_view reason) = 0;
};

struct HttpServerOptions {
  std::string listen = ":5000";  ///< "ADDR:PORT"; no address: all, IPv4 and IPv6; port 0: a free one
  Duration header_timeout{std::chrono::seconds(15)};
  Duration idle_timeout{std::chrono::seconds(120)};
  uint64_t body_rate_min_bytes = 1024;                  ///< per second …
  Duration body_rate_window{std::chrono::seconds(60)};  ///< … over this window, in either direction
  std::size_t header_max_bytes = 48 * kKiB;
  std::size_t target_max_bytes = 16 * kKiB;
};

/// An HTTP/1.1 server: one coroutine per connection on one loop per core; pipelining, keep-alive, chunked bodies,
/// sendfile(2) in turns of at most 2 MiB. A client's TLS hello on a plain port gets a 400 at once (W2).
class HttpServer {
 public:
  /// Binds at once: unavailable when the address is taken or not ours. `tls` null: plain HTTP.
  static Result<std::unique_ptr<HttpServer>> listen(HttpServerOptions options, EventLoops& loops, Clock& clock,
                                                    BlockPool& blocks, HttpHandler& handler,
                                                    std::shared_ptr<TlsServerContext> tls);
  virtual ~HttpServer() = default;

  /// "127.0.0.1:5000": where it listens.
  virtual std::string address() const = 0;
  /// Listens on a socket in the file system as well, plain, of mode 0600 and removed when listening ends. What a killed
  /// process left under that name is replaced: the caller makes sure that no living one has it. Before start().
  /// conflict: the name belongs to something that is no socket; unsupported: it is too long; unavailable, denied …: the
  /// directory does not take it. After a failure the server can be used all the same.
  virtual Status listen_locally(const Path& socket) = 0;
  virtual void start() = 0;
  /// Listeners close, idle connections close, running exchanges end after their answer; those still running at `until`
  /// are cut. Resumes when no connection is left.
  virtual Awaitable<void> stop(SteadyTime until) = 0;
  virtual std::size_t connections() const = 0;
};

}  // namespace lifeboat::sys
