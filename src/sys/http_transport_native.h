#pragma once

#include <openssl/ssl.h>
#include <sys/uio.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "base/task.h"
#include "base/time.h"
#include "sys/http_server.h"
#include "sys/tls_native.h"

namespace lifeboat::sys {

/// What a non-blocking step on a connection came to.
struct Step {
  enum class Kind { done, want_read, want_write, closed };
  Kind kind = Kind::closed;
  std::size_t count = 0;  ///< bytes, when done
};

/// An endpoint of the network as one of TCP.
boost::asio::ip::tcp::endpoint network_endpoint(const boost::asio::generic::stream_protocol::endpoint& endpoint);

/// One connection's bytes, plain or TLS, by non-blocking calls on the socket itself; Asio only tells when it is ready.
/// On one loop.
class HttpTransport {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  /// `tls` null: plain.
  HttpTransport(Socket socket, HttpDoor door, std::shared_ptr<TlsServerContext::Native> tls);
  ~HttpTransport();
  HttpTransport(const HttpTransport&) = delete;
  HttpTransport& operator=(const HttpTransport&) = delete;

  bool is_tls() const { return ssl_ != nullptr; }
  HttpDoor door() const { return door_; }
  /// The TLS handshake's next step; done at once without TLS.
  Step handshake();
  Step receive(ByteSpan into);
  /// `has_more`: the kernel may wait for what follows before it sends a small piece.
  Step send(std::span<iovec> pieces, bool has_more);
  /// At most 2 MiB of a file. Plain connections only.
  Step send_file(int descriptor, uint64_t offset, uint64_t length);

  /// Waits until the socket can do what `step` wants. False when `deadline` passed (the sweep of the loop looks twice a
  /// second) or the wait was interrupted.
  Awaitable<bool> wait(Step::Kind want, SteadyTime deadline);
  /// Lets other connections of the loop have their turn.
  Awaitable<void> yield();

  /// Called by the loop's sweep: ends a wait whose deadline has passed.
  void expire(SteadyTime now);
  /// Ends the wait that is going on, if any.
  void interrupt();
  /// No more will be sent: FIN.
  void shutdown_send();
  /// The connection will end with RST, so that the client cannot take what it has for all of it.
  void reset_at_close();
  /// The address of who is on the other side, without the port; "local" for the local socket.
  std::string peer() const;

 private:
  Step tls_step(int result);

  Socket socket_;
  const HttpDoor door_;
  SSL* ssl_ = nullptr;
  SteadyTime deadline_ = SteadyTime::max();
  std::shared_ptr<TlsServerContext::Native> tls_;
};

}  // namespace lifeboat::sys
