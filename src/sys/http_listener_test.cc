#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <future>
#include <thread>

#include "sys/clock.h"
#include "sys/http_client.h"
#include "sys/http_server.h"
#include "sys/socket_path.h"
#include "test/support/run.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::sys {
namespace {

/// Answers with the door a request came in by, and with who sent it.
class DoorHandler final : public HttpHandler {
 public:
  PreparedHit prepared(unsigned, const HttpRequestView&) override { return {}; }
  Awaitable<void> handle(HttpExchange& exchange) override {
    HttpResponse response;
    response.body = exchange.request().door == HttpDoor::local ? "local door, " : "network, ";
    response.body += exchange.request().peer;
    co_await exchange.respond(std::move(response));
  }
  HttpResponse refuse(int status, std::string_view) override {
    HttpResponse response;
    response.status = status;
    return response;
  }
};

class HttpListenerTest : public testing::Test {
 public:
  HttpListenerTest() {
    HttpServerOptions options;
    options.listen = "127.0.0.1:0";
    auto listening = HttpServer::listen(options, loops_, clock_, blocks_, handler_, nullptr);
    EXPECT_TRUE(listening.has_value());
    server_ = std::move(*listening);
  }
  ~HttpListenerTest() override {
    stop();
    server_.reset();
  }

 protected:
  void start() {
    server_->start();
    thread_ = std::thread([this] { loops_.run(); });
  }
  void stop() {
    client_.reset();  // with the connections it keeps: the server waits a while for their end
    if (!thread_.joinable()) return;
    std::promise<void> stopped;
    loops_.spawn(0, stop_server(stopped));
    stopped.get_future().wait();
    loops_.stop();
    thread_.join();
  }
  Awaitable<void> stop_server(std::promise<void>& stopped) {
    co_await server_->stop(clock_.now() + Duration(2000));
    stopped.set_value();
  }

  /// What is answered, or the error.
  std::string ask(std::string unix_socket) {
    HttpClientRequest request;
    request.url = "http://" + (unix_socket.empty() ? server_->address() : "localhost") + "/";
    request.unix_socket = std::move(unix_socket);
    const auto answer = test::run(client_->send({clock_.now() + std::chrono::seconds(20), "test"}, std::move(request)));
    return answer ? answer->body : answer.error().message();
  }

  /// A socket that nobody listens on, as a killed process leaves one behind.
  static void leave_stale(const Path& path) {
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);  // NOLINT: the API's way
    ::close(socket);
  }

  test::TemporaryDirectory folder_;
  EventLoops loops_{2};
  SystemClock clock_;
  BlockPool blocks_;
  DoorHandler handler_;
  std::unique_ptr<HttpServer> server_;
  std::thread thread_;
  BlockPool client_blocks_;
  std::unique_ptr<HttpClient> client_ = make_curl_http_client({.user_agent = "lifeboat/test"}, client_blocks_);
};

TEST_F(HttpListenerTest, tells_by_which_door_a_request_came) {
  const Path socket = folder_.path() / "door";
  const Status opened = server_->listen_locally(socket);
  ASSERT_TRUE(opened.has_value()) << opened.error().message();
  start();
  EXPECT_EQ(ask(socket), "local door, local");
  EXPECT_EQ(ask(""), "network, 127.0.0.1");
}

TEST_F(HttpListenerTest, goes_past_a_proxy_to_a_local_socket) {
  ASSERT_EQ(::setenv("http_proxy", "http://127.0.0.1:9", 1), 0);  // NOLINT(concurrency-mt-unsafe): no thread reads yet
  const Path socket = folder_.path() / "door";
  ASSERT_TRUE(server_->listen_locally(socket).has_value());
  start();
  EXPECT_EQ(ask(socket), "local door, local");
  ::unsetenv("http_proxy");  // NOLINT(concurrency-mt-unsafe)
}

TEST_F(HttpListenerTest, lets_only_its_owner_in_and_takes_the_name_away_at_the_end) {
  const Path socket = folder_.path() / "door";
  ASSERT_TRUE(server_->listen_locally(socket).has_value());
  struct stat info{};
  ASSERT_EQ(::lstat(socket.c_str(), &info), 0);
  EXPECT_TRUE(S_ISSOCK(info.st_mode));
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
  start();
  stop();
  EXPECT_NE(::lstat(socket.c_str(), &info), 0) << "the name is still there after the stop";
}

TEST_F(HttpListenerTest, takes_the_name_away_when_it_never_started) {
  const Path socket = folder_.path() / "door";
  ASSERT_TRUE(server_->listen_locally(socket).has_value());
  server_.reset();
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(socket)));
}

TEST_F(HttpListenerTest, replaces_the_socket_of_a_killed_process) {
  const Path socket = folder_.path() / "door";
  leave_stale(socket);
  ASSERT_TRUE(server_->listen_locally(socket).has_value());
  start();
  EXPECT_EQ(ask(socket), "local door, local");
}

TEST_F(HttpListenerTest, touches_nothing_that_is_no_socket_and_serves_on) {
  const Path file = folder_.path() / "door";
  std::ofstream(file) << "a letter";
  const Status opened = server_->listen_locally(file);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code(), ErrorCode::conflict);
  EXPECT_EQ(opened.error().message(),
            "cannot listen on '" + file.string() + "': it is there and no socket; move it away");
  EXPECT_EQ(std::filesystem::file_size(file), 8U);
  start();
  EXPECT_EQ(ask(""), "network, 127.0.0.1");
}

TEST_F(HttpListenerTest, opens_a_socket_whose_path_is_longer_than_the_kernel_takes) {
  const Path deep = folder_.path() / std::string(200, 'd');
  ASSERT_TRUE(std::filesystem::create_directory(deep));
  const Path socket = deep / "door";
  const Status opened = server_->listen_locally(socket);
  ASSERT_TRUE(opened.has_value()) << opened.error().message();
  EXPECT_TRUE(std::filesystem::is_socket(socket));
  start();
  const auto shorter = SocketPath::of(socket);
  ASSERT_TRUE(shorter.has_value()) << shorter.error().message();
  EXPECT_EQ(ask(shorter->text()), "local door, local");
  stop();
  EXPECT_FALSE(std::filesystem::exists(socket));
}

TEST_F(HttpListenerTest, refuses_a_name_that_no_path_makes_short_enough) {
  const Path socket = folder_.path() / std::string(200, 's');
  const Status opened = server_->listen_locally(socket);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code(), ErrorCode::unsupported);
  EXPECT_EQ(opened.error().message(),
            "cannot use socket '" + socket.string() + "': its name is too long (got 200 bytes, want at most 107)");
  const Status nowhere = server_->listen_locally(folder_.path() / std::string(200, 'd') / "door");
  ASSERT_FALSE(nowhere.has_value());
  EXPECT_EQ(nowhere.error().code(), ErrorCode::not_found);
}

}  // namespace
}  // namespace lifeboat::sys
