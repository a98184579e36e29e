#include "sys/http_server.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <charconv>
#include <exception>

#include "sys/event_loops_native.h"
#include "sys/http_connection_native.h"
#include "sys/notification.h"

namespace lifeboat::sys {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr Duration kSweepEvery{500};
constexpr Duration kAcceptPause{100};
constexpr int kBacklog = 4096;

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

Result<tcp::acceptor> open_listener(asio::io_context& context, const std::string& text) {
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
  return acceptor;
}

}  // namespace

class AsioHttpServer final : public HttpServer {
 public:
  AsioHttpServer(HttpServerOptions options, EventLoops& loops, Clock& clock, BlockPool& blocks, HttpHandler& handler,
                 std::shared_ptr<TlsServerContext> tls, tcp::acceptor acceptor)
      : loops_(loops),
        tls_(std::move(tls)),
        acceptor_(std::move(acceptor)),
        serving_{std::move(options), clock, blocks, handler},
        per_loop_(loops.count()) {
    for (unsigned i = 0; i < loops.count(); ++i) {
      per_loop_[i].loop.index = i;
      per_loop_[i].sweep_timer = std::make_unique<asio::steady_timer>(loops.native(i).context);
    }
  }

  std::string address() const override {
    boost::system::error_code error;
    const auto endpoint = acceptor_.local_endpoint(error);
    if (error) return "";
    const std::string host = endpoint.address().to_string();
    return (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(endpoint.port());
  }

  void start() override {
    spawn(0, accept());
    for (unsigned i = 0; i < loops_.count(); ++i) spawn(i, sweep(i));
  }

  Awaitable<void> stop(SteadyTime until) override {
    serving_.is_stopping = true;
    asio::post(loops_.native(0).context, [this] {
      boost::system::error_code ignored;
      acceptor_.close(ignored);
    });
    on_every_loop([](PerLoop& own) {
      for (HttpConnection* connection : own.loop.connections) connection->close_if_idle();
    });
    co_await wait_for_connections(until);
    on_every_loop([](PerLoop& own) {
      for (HttpConnection* connection : own.loop.connections) connection->cut();
    });
    co_await wait_for_connections(SteadyTime::max());
    is_ended_ = true;
    on_every_loop([](PerLoop& own) { own.sweep_timer->cancel(); });
    while (running_ > 0) {
      const uint64_t seen = changed_.version();
      if (running_ > 0) co_await changed_.wait(seen, serving_.clock.now() + kSweepEvery);
    }
  }

  std::size_t connections() const override { return open_; }

 private:
  struct PerLoop {
    HttpLoop loop;
    std::unique_ptr<asio::steady_timer> sweep_timer;
    std::atomic<std::size_t> open = 0;
  };

  void spawn(unsigned index, Awaitable<void> work) {
    ++running_;
    asio::co_spawn(loops_.native(index).context, std::move(work), [this](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
      --running_;
      changed_.notify_all();
    });
  }

  template <class Work>
  void on_every_loop(Work work) {
    for (unsigned i = 0; i < loops_.count(); ++i) {
      asio::post(loops_.native(i).context, [this, i, work] { work(per_loop_[i]); });
    }
  }

  Awaitable<void> wait_for_connections(SteadyTime until) {
    while (open_ > 0) {
      const uint64_t seen = changed_.version();
      if (open_ == 0) break;
      const SteadyTime now = serving_.clock.now();
      if (now >= until) break;
      co_await changed_.wait(seen, std::min(until, now + kSweepEvery));
    }
  }

  /// Ends the waits whose deadline has passed: one timer per loop instead of one per connection.
  Awaitable<void> sweep(unsigned index) {
    PerLoop& own = per_loop_[index];
    while (!is_ended_) {
      own.sweep_timer->expires_after(kSweepEvery);
      co_await own.sweep_timer->async_wait(asio::as_tuple(asio::use_awaitable));
      const SteadyTime now = serving_.clock.now();
      for (HttpConnection* connection : own.loop.connections) connection->expire(now);
    }
  }

  /// One listener hands each connection to the loop that has the fewest: an even load also for a few long transfers,
  /// which SO_REUSEPORT's hash does not give; and two servers can never share a port unnoticed.
  Awaitable<void> accept() {
    while (!serving_.is_stopping) {
      const int socket = ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (socket >= 0) {
        hand_over(socket);
        continue;
      }
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        const auto [error] =
            co_await acceptor_.async_wait(tcp::acceptor::wait_read, asio::as_tuple(asio::use_awaitable));
        if (error) co_return;
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        co_await serving_.clock.sleep_until(serving_.clock.now() + kAcceptPause);
      } else if (errno == EBADF || errno == EINVAL) {
        co_return;
      }
    }
  }

  void hand_over(int descriptor) {
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    unsigned least = 0;
    for (unsigned i = 1; i < loops_.count(); ++i) {
      if (per_loop_[i].open < per_loop_[least].open) least = i;
    }
    ++per_loop_[least].open;
    ++open_;
    spawn(least, serve(least, descriptor));
  }

  std::unique_ptr<HttpTransport> open_transport(unsigned index, int descriptor) {
    boost::system::error_code error;
    tcp::socket socket(loops_.native(index).context);
    socket.assign(tcp::v6(), descriptor, error);
    if (error) {
      ::close(descriptor);
      return nullptr;
    }
    socket.native_non_blocking(true, error);
    return std::make_unique<HttpTransport>(std::move(socket), tls_ ? tls_->native() : nullptr);
  }

  Awaitable<void> serve(unsigned index, int descriptor) {
    PerLoop& own = per_loop_[index];
    if (std::unique_ptr<HttpTransport> transport = open_transport(index, descriptor)) {
      const auto connection = std::make_unique<HttpConnection>(serving_, own.loop, std::move(transport));
      co_await connection->run();
    }
    --own.open;
    --open_;
    changed_.notify_all();
  }

  EventLoops& loops_;
  const std::shared_ptr<TlsServerContext> tls_;
  tcp::acceptor acceptor_;
  HttpServing serving_;
  std::vector<PerLoop> per_loop_;
  std::atomic<std::size_t> open_ = 0;
  std::atomic<std::size_t> running_ = 0;
  std::atomic<bool> is_ended_ = false;
  Notification changed_;
};

Result<std::unique_ptr<HttpServer>> HttpServer::listen(HttpServerOptions options, EventLoops& loops, Clock& clock,
                                                       BlockPool& blocks, HttpHandler& handler,
                                                       std::shared_ptr<TlsServerContext> tls) {
  LB_TRY(tcp::acceptor acceptor, open_listener(loops.native(0).context, options.listen));
  return std::make_unique<AsioHttpServer>(std::move(options), loops, clock, blocks, handler, std::move(tls),
                                          std::move(acceptor));
}

}  // namespace lifeboat::sys
