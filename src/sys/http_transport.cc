#include <openssl/err.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

#include "base/assert.h"
#include "sys/http_transport_native.h"

namespace lifeboat::sys {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

/// More in one turn starves the other connections of the loop (bench: first byte at 8 readers 10-17 ms instead of 2).
constexpr uint64_t kFileTurnMax = 2 * kMiB;

Step of_result(ssize_t result, Step::Kind want) {
  if (result > 0) return {Step::Kind::done, static_cast<std::size_t>(result)};
  if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return {want, 0};
  return {Step::Kind::closed, 0};
}

}  // namespace

tcp::endpoint network_endpoint(const asio::generic::stream_protocol::endpoint& endpoint) {
  tcp::endpoint network;
  LB_ASSERT(endpoint.size() <= network.capacity());
  std::memcpy(network.data(), endpoint.data(), endpoint.size());
  network.resize(endpoint.size());
  return network;
}

HttpTransport::HttpTransport(Socket socket, HttpDoor door, std::shared_ptr<TlsServerContext::Native> tls)
    : socket_(std::move(socket)), door_(door), tls_(std::move(tls)) {
  if (!tls_) return;
  ssl_ = SSL_new(tls_->context);
  LB_ASSERT(ssl_ != nullptr);
  SSL_set_fd(ssl_, socket_.native_handle());
  SSL_set_accept_state(ssl_);
}

HttpTransport::~HttpTransport() { SSL_free(ssl_); }

Step HttpTransport::tls_step(int result) {
  if (result > 0) return {Step::Kind::done, static_cast<std::size_t>(result)};
  const int reason = SSL_get_error(ssl_, result);
  ERR_clear_error();
  if (reason == SSL_ERROR_WANT_READ) return {Step::Kind::want_read, 0};
  if (reason == SSL_ERROR_WANT_WRITE) return {Step::Kind::want_write, 0};
  return {Step::Kind::closed, 0};
}

Step HttpTransport::handshake() {
  if (ssl_ == nullptr) return {Step::Kind::done, 0};
  return tls_step(SSL_do_handshake(ssl_));
}

Step HttpTransport::receive(ByteSpan into) {
  if (ssl_ != nullptr) return tls_step(SSL_read(ssl_, into.data(), static_cast<int>(into.size())));
  return of_result(::recv(socket_.native_handle(), into.data(), into.size(), 0), Step::Kind::want_read);
}

Step HttpTransport::send(std::span<iovec> pieces, bool has_more) {
  if (ssl_ != nullptr) {
    for (const iovec& piece : pieces) {
      if (piece.iov_len > 0) return tls_step(SSL_write(ssl_, piece.iov_base, static_cast<int>(piece.iov_len)));
    }
    return {Step::Kind::done, 0};
  }
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  const int flags = MSG_NOSIGNAL | (has_more ? MSG_MORE : 0);
  return of_result(::sendmsg(socket_.native_handle(), &message, flags), Step::Kind::want_write);
}

Step HttpTransport::send_file(int descriptor, uint64_t offset, uint64_t length) {
  LB_ASSERT(ssl_ == nullptr);
  off_t position = static_cast<off_t>(offset);
  const std::size_t count = std::min(length, kFileTurnMax);
  return of_result(::sendfile(socket_.native_handle(), descriptor, &position, count), Step::Kind::want_write);
}

Awaitable<bool> HttpTransport::wait(Step::Kind want, SteadyTime deadline) {
  deadline_ = deadline;
  const auto direction = want == Step::Kind::want_write ? Socket::wait_write : Socket::wait_read;
  auto [error] = co_await socket_.async_wait(direction, asio::as_tuple(asio::use_awaitable));
  deadline_ = SteadyTime::max();
  co_return !error;
}

Awaitable<void> HttpTransport::yield() { co_await asio::post(socket_.get_executor(), asio::use_awaitable); }

void HttpTransport::expire(SteadyTime now) {
  if (now >= deadline_) interrupt();
}

void HttpTransport::interrupt() {
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

void HttpTransport::shutdown_send() {
  boost::system::error_code ignored;
  if (ssl_ != nullptr) SSL_shutdown(ssl_);
  ERR_clear_error();
  socket_.shutdown(Socket::shutdown_send, ignored);
}

void HttpTransport::reset_at_close() {
  // Not by Asio's set_option: its destructor would take that back.
  const linger none{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

std::string HttpTransport::peer() const {
  if (door_ == HttpDoor::local) return "local";
  boost::system::error_code error;
  const auto endpoint = socket_.remote_endpoint(error);
  return error ? std::string("gone") : network_endpoint(endpoint).address().to_string();
}

}  // namespace lifeboat::sys
