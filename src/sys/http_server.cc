#include "sys/http_server.h"

#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <exception>

#include "sys/event_loops_native.h"
#include "sys/http_connection_native.h"
#include "sys/http_listener_native.h"
#include "sys/notification.h"

namespace lifeboat::sys {
namespace {

namespace asio = boost::asio;

constexpr Duration kSweepEvery{500};
constexpr Duration kAcceptPause{100};

}  // namespace

class AsioHttpServer final : public HttpServer {
 public:
  AsioHttpServer(HttpServerOptions options, EventLoops& loops, Clock& clock, BlockPool& blocks, HttpHandler& handler,
                 std::shared_ptr<TlsServerContext> tls, HttpListener network)
      : loops_(loops),
        tls_(std::move(tls)),
        serving_{std::move(options), clock, blocks, handler},
        per_loop_(loops.count()) {
    listeners_.push_back(std::move(network));
    for (unsigned i = 0; i < loops.count(); ++i) {
      per_loop_[i].loop.index = i;
      per_loop_[i].sweep_timer = std::make_unique<asio::steady_timer>(loops.native(i).context);
    }
  }

  std::string address() const override { return listeners_.front().address(); }

  Status listen_locally(const Path& socket) override {
    LB_TRY(HttpListener local, HttpListener::open_local(loops_.native(0).context, socket));
    listeners_.push_back(std::move(local));
    return {};
  }

  void start() override {
    for (HttpListener& listener : listeners_) spawn(0, accept(listener));
    for (unsigned i = 0; i < loops_.count(); ++i) spawn(i, sweep(i));
  }

  Awaitable<void> stop(SteadyTime until) override {
    serving_.is_stopping = true;
    asio::post(loops_.native(0).context, [this] {
      for (HttpListener& listener : listeners_) listener.close();
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
  Awaitable<void> accept(HttpListener& listener) {
    while (!serving_.is_stopping) {
      const int socket = listener.accept();
      if (socket >= 0) {
        hand_over(socket, listener.door());
        continue;
      }
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        const bool is_open = co_await listener.wait();
        if (!is_open) co_return;
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        co_await serving_.clock.sleep_until(serving_.clock.now() + kAcceptPause);
      } else if (errno == EBADF || errno == EINVAL) {
        co_return;
      }
    }
  }

  void hand_over(int descriptor, HttpDoor door) {
    unsigned least = 0;
    for (unsigned i = 1; i < loops_.count(); ++i) {
      if (per_loop_[i].open < per_loop_[least].open) least = i;
    }
    ++per_loop_[least].open;
    ++open_;
    spawn(least, serve(least, descriptor, door));
  }

  std::unique_ptr<HttpTransport> open_transport(unsigned index, int descriptor, HttpDoor door) {
    boost::system::error_code error;
    HttpTransport::Socket socket(loops_.native(index).context);
    socket.assign({door == HttpDoor::local ? AF_UNIX : AF_INET6, 0}, descriptor, error);
    if (error) {
      ::close(descriptor);
      return nullptr;
    }
    socket.native_non_blocking(true, error);
    const bool is_secret = tls_ && door == HttpDoor::network;
    return std::make_unique<HttpTransport>(std::move(socket), door, is_secret ? tls_->native() : nullptr);
  }

  Awaitable<void> serve(unsigned index, int descriptor, HttpDoor door) {
    PerLoop& own = per_loop_[index];
    if (std::unique_ptr<HttpTransport> transport = open_transport(index, descriptor, door)) {
      const auto connection = std::make_unique<HttpConnection>(serving_, own.loop, std::move(transport));
      co_await connection->run();
    }
    --own.open;
    --open_;
    changed_.notify_all();
  }

  EventLoops& loops_;
  const std::shared_ptr<TlsServerContext> tls_;
  std::vector<HttpListener> listeners_;  ///< the network's first; complete when it starts
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
  LB_TRY(HttpListener network, HttpListener::open_network(loops.native(0).context, options.listen));
  return std::make_unique<AsioHttpServer>(std::move(options), loops, clock, blocks, handler, std::move(tls),
                                          std::move(network));
}

}  // namespace lifeboat::sys
