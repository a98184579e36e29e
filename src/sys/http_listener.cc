#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <charconv>

#include "sys/http_listener_native.h"
#include "sys/http_transport_native.h"
#include "sys/socket_path.h"

namespace lifeboat::sys {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Local = asio::local::stream_protocol;

constexpr int kBacklog = 4096;
/// Of a local socket: whoever may write to it may connect.
constexpr mode_t kOwnerOnly = S_IRUSR | S_IWUSR;

struct ListenAddress {
  std::string host;  ///< empty: all
  uint16_t port = 0;
};

Result<ListenAddress> parse_listen(const std::string& text) {
  const auto refuse = [&](std::string_view reason) {
    return fail(ErrorCode::invalid, "cannot listen on '" + text + "': " + std::string(reason) +
                                        " (want ADDRESS:PORT, [IPv6]:PORT or :PORT)");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return refuse("there is no port");
  ListenAddress address;
  address.host = text.substr(0, colon);
  const std::string port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size() || port.empty()) return refuse("the port is no number");
  if (address.host.starts_with('[') && address.host.ends_with(']')) {
    address.host = address.host.substr(1, address.host.size() - 2);
  } else if (address.host.find(':') != std::string::npos) {
    return refuse("an IPv6 address needs brackets");
  }
  if (address.host == "localhost") address.host = "127.0.0.1";
  return address;
}

}  // namespace

Result<HttpListener> HttpListener::open_network(asio::io_context& context, const std::string& text) {
  LB_TRY(const ListenAddress address, parse_listen(text));
  boost::system::error_code error;
  tcp::endpoint endpoint(tcp::v6(), address.port);
  if (!address.host.empty()) {
    const auto parsed = asio::ip::make_address(address.host, error);
    if (error) {
      return fail(ErrorCode::invalid, "cannot listen on '" + text + "': '" + address.host + "' is not an IP address");
    }
    endpoint = tcp::endpoint(parsed, address.port);
  }
  tcp::acceptor acceptor(context);
  acceptor.open(endpoint.protocol(), error);
  if (error && address.host.empty()) {  // a kernel without IPv6
    endpoint = tcp::endpoint(tcp::v4(), address.port);
    acceptor.open(endpoint.protocol(), error);
  }
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && address.host.empty() && endpoint.protocol() == tcp::v6()) {
    acceptor.set_option(asio::ip::v6_only(false), error);
  }
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(kBacklog, error);
  if (!error) acceptor.non_blocking(true, error);
  if (error) return fail(ErrorCode::unavailable, "cannot listen on '" + text + "': " + error.message());
  return HttpListener(std::move(acceptor), {});
}

namespace {

/// The name of a socket that a killed process left behind.
Status remove_stale(const Path& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return {};
  if (!S_ISSOCK(info.st_mode)) {
    return fail(ErrorCode::conflict,
                "cannot listen on '" + path.string() + "': it is there and no socket; move it away");
  }
  if (::unlink(path.c_str()) != 0) return fail_errno(errno, "cannot remove stale socket '" + path.string() + "'");
  return {};
}

}  // namespace

Result<HttpListener> HttpListener::open_local(asio::io_context& context, const Path& path) {
  LB_TRY(const SocketPath fitting, SocketPath::of(path));
  LB_CHECK(remove_stale(path));
  boost::system::error_code error;
  Local::acceptor acceptor(context);
  acceptor.open(Local(), error);
  if (!error) acceptor.bind(Local::endpoint(fitting.text()), error);
  if (error) return fail(ErrorCode::unavailable, "cannot listen on '" + path.string() + "': " + error.message());
  HttpListener listener(std::move(acceptor), path);  // from here on, the name goes when it does
  // Nobody can connect before listen, so that the mode of the first moment admits no one.
  if (::chmod(path.c_str(), kOwnerOnly) != 0) return fail_errno(errno, "cannot protect socket '" + path.string() + "'");
  listener.acceptor_.listen(kBacklog, error);
  if (!error) listener.acceptor_.non_blocking(true, error);
  if (error) return fail(ErrorCode::unavailable, "cannot listen on '" + path.string() + "': " + error.message());
  return listener;
}

std::string HttpListener::address() const {
  if (door() == HttpDoor::local) return path_.string();
  boost::system::error_code error;
  const auto bound = acceptor_.local_endpoint(error);
  if (error) return "";
  const tcp::endpoint endpoint = network_endpoint(bound);
  const std::string host = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(endpoint.port());
}

int HttpListener::accept() {
  const int socket = ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (socket >= 0 && door() == HttpDoor::network) {
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  return socket;
}

Awaitable<bool> HttpListener::wait() {
  const auto [error] = co_await acceptor_.async_wait(Acceptor::wait_read, asio::as_tuple(asio::use_awaitable));
  co_return !error;
}

void HttpListener::close() {
  if (!acceptor_.is_open()) return;
  if (door() == HttpDoor::local) ::unlink(path_.c_str());
  boost::system::error_code ignored;
  acceptor_.close(ignored);
}

}  // namespace lifeboat::sys
