#include "cli/admin_client.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "blob/data_directory.h"
#include "sys/clock.h"
#include "sys/event_loops.h"
#include "sys/http_server.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::cli {
namespace {

/// Answers by the path, and echoes what was posted.
class ScriptedApi final : public sys::HttpHandler {
 public:
  sys::PreparedHit prepared(unsigned, const sys::HttpRequestView&) override { return {}; }
  Awaitable<void> handle(sys::HttpExchange& exchange) override {
    sys::HttpResponse response;
    const std::string& target = exchange.request().target;
    const auto body = co_await exchange.read_all(1000);
    if (target == "/refused") {
      response.status = 400;
      response.body = R"({"error":"cannot read reference 'a b'","code":"invalid"})";
    } else if (target == "/silent") {
      while (!exchange.is_cut()) co_await clock_.sleep_until(clock_.now() + Duration(10));
    } else if (target == "/strange") {
      response.status = 500;
      response.body = R"({"error":7,"code":"invalid"})";
    } else {
      response.body = exchange.request().method_text + " " + target + " " + body->value_or("") + " " +
                      std::string(exchange.request().fields.find("Content-Type").value_or("-"));
    }
    co_await exchange.respond(std::move(response));
  }
  sys::HttpResponse refuse(int, std::string_view) override { return {}; }

 private:
  sys::SystemClock clock_;
};

class AdminClientTest : public testing::Test {
 protected:
  std::string data() const { return folder_.path(); }
  static std::string socket_of(const std::string& data) { return blob::DataDirectory::local_socket_of(data); }

  test::TemporaryDirectory folder_;
};

/// A server on the local socket of a data directory, for as long as it lives.
class RunningServer {
 public:
  explicit RunningServer(const std::string& data) {
    auto listening = sys::HttpServer::listen({.listen = "127.0.0.1:0"}, loops_, clock_, blocks_, api_, nullptr);
    EXPECT_TRUE(listening.has_value());
    server_ = std::move(*listening);
    const Status opened = server_->listen_locally(blob::DataDirectory::local_socket_of(data));
    EXPECT_TRUE(opened.has_value()) << opened.error().message();
    server_->start();
    thread_ = std::thread([this] { loops_.run(); });
  }
  ~RunningServer() {
    std::promise<void> stopped;
    loops_.spawn(0, stop(stopped));
    stopped.get_future().wait();
    loops_.stop();
    thread_.join();
  }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

 private:
  Awaitable<void> stop(std::promise<void>& stopped) {
    co_await server_->stop(clock_.now() + Duration(100));
    stopped.set_value();
  }

  sys::EventLoops loops_{1};
  sys::SystemClock clock_;
  sys::BlockPool blocks_;
  ScriptedApi api_;
  std::unique_ptr<sys::HttpServer> server_;
  std::thread thread_;
};

TEST_F(AdminClientTest, gives_what_the_server_answers) {
  const RunningServer server(data());
  EXPECT_EQ(ask_server(data(), {.target = "/api/v1/status?a=b"}), "GET /api/v1/status?a=b  -");
  EXPECT_EQ(ask_server(data(), {.method = sys::HttpMethod::post, .target = "/api/v1/prefetch", .body = "{}"}),
            "POST /api/v1/prefetch {} application/json");
}

TEST_F(AdminClientTest, reaches_a_directory_whose_path_is_longer_than_a_socket_may_have) {
  const std::string deep = folder_.path() / std::string(200, 'd');
  ASSERT_TRUE(std::filesystem::create_directory(deep));
  const RunningServer server(deep);
  EXPECT_EQ(ask_server(deep, {.target = "/a"}), "GET /a  -");
}

TEST_F(AdminClientTest, hands_on_the_refusal_of_the_server) {
  const RunningServer server(data());
  const auto refused = ask_server(data(), {.target = "/refused"});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error(), Error(ErrorCode::invalid, "cannot read reference 'a b'"));
  const auto strange = ask_server(data(), {.target = "/strange"});
  ASSERT_FALSE(strange.has_value());
  EXPECT_EQ(strange.error().code(), ErrorCode::internal);
  EXPECT_EQ(strange.error().message(),
            "cannot ask the server of '" + data() + "': its answer is not understood (got status 500, want 200)");
}

TEST_F(AdminClientTest, does_not_wait_without_end) {
  const RunningServer server(data());
  const auto late = ask_server(data(), {.target = "/silent", .within = std::chrono::milliseconds(1)});
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code(), ErrorCode::timed_out);
  EXPECT_TRUE(late.error().message().ends_with(": it runs and does not answer (got nothing within 1ms)"))
      << late.error().message();
}

TEST_F(AdminClientTest, says_that_no_server_runs_and_what_to_do) {
  const std::string hint =
      ")\nStart one with 'lifeboat serve', or name the directory of the one that runs: '--data DIR'.";
  for (const std::string& none : {data(), data() + "/none"}) {
    const auto absent = ask_server(none, {.target = "/a"});
    ASSERT_FALSE(absent.has_value());
    EXPECT_EQ(absent.error().code(), ErrorCode::unavailable);
    EXPECT_EQ(absent.error().message(),
              "no server runs on '" + none + "' (there is no '" + socket_of(none) + "'" + hint);
  }

  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);  // what a killed server leaves
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket_of(data()).copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);  // NOLINT: the API's way
  ::close(socket);
  const auto killed = ask_server(data(), {.target = "/a"});
  ASSERT_FALSE(killed.has_value());
  EXPECT_EQ(killed.error().code(), ErrorCode::unavailable);
  EXPECT_EQ(killed.error().message(),
            "no server runs on '" + data() + "' (nobody listens on '" + socket_of(data()) + "'" + hint);
}

}  // namespace
}  // namespace lifeboat::cli
