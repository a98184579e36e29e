#include "sys/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "sys/clock.h"

namespace lifeboat::sys {
namespace {

/// Bytes in memory, for answers that are no file of the kernel.
class TextBytes final : public ReadableFile {
 public:
  explicit TextBytes(std::string text) : text_(std::move(text)) {}
  Result<std::size_t> read_at(uint64_t offset, ByteSpan out) const override {
    const ByteView rest = as_bytes(text_).subspan(std::min<std::size_t>(offset, text_.size()));
    const std::size_t count = std::min(rest.size(), out.size());
    std::copy_n(rest.begin(), count, out.begin());
    return count;
  }
  Result<uint64_t> size() const override { return text_.size(); }

 private:
  std::string text_;
};

/// Answers by the path: what a test of the server needs of a registry.
class ScriptedHandler final : public HttpHandler {
 public:
  PreparedHit prepared(unsigned, const HttpRequestView& request) override {
    if (request.target != "/hot" && request.target != "/hot-file") return {};
    auto answer = std::make_shared<PreparedAnswer>();
    if (request.target == "/hot-file") {
      answer->head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n";
      answer->file = std::make_shared<TextBytes>("0123456789");
      answer->size_bytes = 10;
      return {answer, false};
    }
    answer->head = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n";
    answer->not_modified_head = "HTTP/1.1 304 Not Modified\r\n";
    answer->body = "hot";
    answer->size_bytes = 3;
    return {answer, request.if_none_match == "\"hot\""};
  }

  Awaitable<void> handle(HttpExchange& exchange) override {
    const std::string& target = exchange.request().target;
    HttpResponse empty;
    if (target == "/echo") {
      auto body = co_await exchange.read_all(8 * kMiB);
      HttpResponse response;
      if (body && *body) {
        response.body = std::move(**body);
      } else {
        response.status = body ? 413 : 400;
      }
      co_await exchange.respond(std::move(response));
    } else if (target == "/refuse") {
      HttpResponse response;
      response.status = 416;
      co_await exchange.respond(std::move(response));
    } else if (target == "/short") {
      (void)co_await exchange.begin(std::move(empty), 100);
      (void)co_await exchange.send(as_bytes("only this"));
    } else if (target == "/stream") {
      (void)co_await exchange.begin(std::move(empty), std::nullopt);
      (void)co_await exchange.send(as_bytes("abc"));
      (void)co_await exchange.send(as_bytes("defg"));
      (void)co_await exchange.end();
    } else if (target == "/cut-stream") {
      (void)co_await exchange.begin(std::move(empty), std::nullopt);
      (void)co_await exchange.send(as_bytes("abc"));
    } else if (target == "/bytes") {
      const TextBytes bytes("0123456789");
      (void)co_await exchange.begin(std::move(empty), 4);
      (void)co_await exchange.send_file(bytes, 3, 4);
    } else {
      HttpResponse response;
      response.body = exchange.request().method_text + " " + target;
      co_await exchange.respond(std::move(response));
    }
  }

  HttpResponse refuse(int status, std::string_view reason) override {
    HttpResponse response;
    response.status = status;
    response.body = reason;
    return response;
  }
};

class HttpServerTest : public testing::Test {
 public:
  HttpServerTest() {
    HttpServerOptions options;
    options.listen = "127.0.0.1:0";
    auto listening = HttpServer::listen(options, loops_, clock_, blocks_, handler_, nullptr);
    EXPECT_TRUE(listening.has_value());
    server_ = std::move(*listening);
    const std::string address = server_->address();
    port_ = static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
    server_->start();
    thread_ = std::thread([this] { loops_.run(); });
  }
  ~HttpServerTest() override {
    std::promise<void> stopped;
    loops_.spawn(0, stop(stopped));
    stopped.get_future().wait();
    loops_.stop();
    thread_.join();
  }

 protected:
  Awaitable<void> stop(std::promise<void>& stopped) {
    co_await server_->stop(clock_.now() + Duration(2000));
    stopped.set_value();
  }

  int connect_socket() const {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);  // NOLINT: the API's way
    const timeval patience{20, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return socket;
  }

  /// Sends `request`, half-closes, and returns all that comes until the server closes.
  std::string exchange(std::string_view request) const {
    const int socket = connect_socket();
    EXPECT_EQ(::send(socket, request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
    ::shutdown(socket, SHUT_WR);
    std::string answer = read_to_end(socket);
    ::close(socket);
    return answer;
  }

  static std::string read_to_end(int socket) {
    std::string answer;
    std::array<char, 4096> buffer{};
    for (;;) {
      const ssize_t count = ::recv(socket, buffer.data(), buffer.size(), 0);
      if (count <= 0) {
        EXPECT_EQ(count, 0) << "the connection ended with a reset, not with FIN";
        return answer;
      }
      answer.append(buffer.data(), static_cast<std::size_t>(count));
    }
  }

  static std::string read_until(int socket, std::string_view end) {
    std::string answer;
    char letter = 0;
    while (!answer.ends_with(end) && ::recv(socket, &letter, 1, 0) == 1) answer.push_back(letter);
    return answer;
  }

  EventLoops loops_{2};
  SystemClock clock_;
  BlockPool blocks_;
  ScriptedHandler handler_;
  std::unique_ptr<HttpServer> server_;
  uint16_t port_ = 0;
  std::thread thread_;
};

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST_F(HttpServerTest, answers_pipelined_requests_in_order_hot_and_long_way_mixed) {
  const std::string answer = exchange(
      "GET /hot HTTP/1.1\r\nHost: x\r\n\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /hot HTTP/1.1\r\nHost: x\r\n\r\n"
      "GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto first = answer.find("hot");
  const auto second = answer.find("GET /a");
  const auto third = answer.find("hot", first + 1);
  const auto fourth = answer.find("GET /b");
  ASSERT_NE(fourth, std::string::npos) << answer;
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_LT(third, fourth);
}

TEST_F(HttpServerTest, sends_the_bytes_of_a_prepared_file_behind_its_head) {
  const std::string answer = exchange("GET /hot-file HTTP/1.1\r\n\r\nGET /next HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(contains(answer, "\r\n\r\n0123456789HTTP/1.1 200 OK")) << answer;
  EXPECT_TRUE(answer.ends_with("GET /next")) << answer;
}

TEST_F(HttpServerTest, sends_only_the_head_for_head_and_not_modified) {
  const std::string head = exchange("HEAD /hot HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(contains(head, "Content-Length: 3")) << head;
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
  const std::string same = exchange("GET /hot HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"hot\"\r\n\r\n");
  EXPECT_TRUE(same.starts_with("HTTP/1.1 304 ")) << same;
  EXPECT_TRUE(same.ends_with("\r\n\r\n")) << same;
}

TEST_F(HttpServerTest, takes_counted_and_chunked_bodies) {
  struct Row {
    const char* name;
    std::string request;
    std::string body;
  };
  const std::string long_body(3 * kMiB + 17, 'x');
  const std::vector<Row> rows{
      {"counted", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "hello"},
      {"counted, longer than a block",
       "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(long_body.size()) + "\r\n\r\n" + long_body,
       long_body},
      {"no body", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", ""},
      {"chunked with extension and trailer",
       "PATCH /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n4\r\ndefg\r\n0\r\nX-T: "
       "1\r\n\r\n",
       "abcdefg"},
      {"chunked, one chunk longer than a block",
       "PATCH /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n300011\r\n" + long_body + "\r\n0\r\n\r\n",
       long_body},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const std::string answer = exchange(row.request);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer.substr(0, 200);
    EXPECT_TRUE(answer.ends_with("\r\n\r\n" + row.body)) << answer.size();
  }
}

TEST_F(HttpServerTest, serves_the_request_behind_a_chunked_one) {
  const std::string answer = exchange(
      "PATCH /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
      "GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(contains(answer, "abc")) << answer;
  EXPECT_TRUE(answer.ends_with("GET /next")) << answer;
}

TEST_F(HttpServerTest, refuses_what_is_no_request_with_a_status_and_fin) {
  struct Row {
    const char* name;
    std::string bytes;
    const char* status;
  };
  const std::vector<Row> rows{
      {"a TLS hello", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), "400"},
      {"garbage", "\x01\x02\x03\x04", "400"},
      {"both lengths", "POST /echo HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "400"},
      {"two lengths", "POST /echo HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "400"},
      {"unknown coding", "POST /echo HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", "400"},
      {"negative length", "POST /echo HTTP/1.1\r\nContent-Length: -3\r\n\r\n", "400"},
      {"a line without a version", "GET /\r\n\r\n", "400"},
      {"a long target", "GET /" + std::string(17 * kKiB, 'a') + " HTTP/1.1\r\n\r\n", "414"},
      {"a long head", "GET / HTTP/1.1\r\nX: " + std::string(50 * kKiB, 'a') + "\r\n\r\n", "431"},
      {"broken chunking", "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const std::string answer = exchange(row.bytes);
    EXPECT_TRUE(answer.starts_with(std::string("HTTP/1.1 ") + row.status)) << answer.substr(0, 80);
  }
}

TEST_F(HttpServerTest, keeps_a_head_of_32_kib) {
  const std::string answer = exchange("GET /a HTTP/1.1\r\nAuthorization: " + std::string(32 * kKiB, 'a') + "\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << answer.substr(0, 80);
}

TEST_F(HttpServerTest, says_continue_only_when_the_body_is_wanted) {
  const int socket = connect_socket();
  const std::string_view request = "PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
  ::send(socket, request.data(), request.size(), MSG_NOSIGNAL);
  EXPECT_EQ(read_until(socket, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  ::send(socket, "ok", 2, MSG_NOSIGNAL);
  ::shutdown(socket, SHUT_WR);
  EXPECT_TRUE(read_to_end(socket).ends_with("\r\n\r\nok"));
  ::close(socket);

  const std::string refused =
      exchange("PUT /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 416")) << refused;
  EXPECT_TRUE(contains(refused, "Connection: close")) << refused;
}

TEST_F(HttpServerTest, lets_the_client_read_a_refusal_of_a_long_body) {
  std::string request = "PUT /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n";
  request.append(std::size_t{4000000}, 'x');
  const std::string answer = exchange(request);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 416")) << answer.substr(0, 80);
}

TEST_F(HttpServerTest, keeps_the_connection_after_a_short_unread_body) {
  const std::string answer =
      exchange("PUT /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloGET /next HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(answer.ends_with("GET /next")) << answer;
}

TEST_F(HttpServerTest, ends_a_short_answer_with_fin_and_never_completes_it) {
  const std::string answer = exchange("GET /short HTTP/1.1\r\n\r\nGET /next HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(contains(answer, "Content-Length: 100")) << answer;
  EXPECT_TRUE(answer.ends_with("only this")) << answer;
}

TEST_F(HttpServerTest, never_lets_a_cut_body_of_unknown_length_look_complete) {
  const std::string answer = exchange("GET /cut-stream HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(answer.ends_with("3\r\nabc\r\n")) << answer;
  // HTTP/1.0 knows no chunks: the end of the connection is the end of the body, unless it is a reset.
  const int socket = connect_socket();
  const std::string_view request = "GET /cut-stream HTTP/1.0\r\n\r\n";
  ASSERT_EQ(::send(socket, request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
  std::array<char, 4096> buffer{};
  ssize_t count = 0;
  do count = ::recv(socket, buffer.data(), buffer.size(), 0);
  while (count > 0);
  EXPECT_EQ(count, -1) << "the connection ended with FIN, as if the body were complete";
  EXPECT_EQ(errno, ECONNRESET);
  ::close(socket);
}

TEST_F(HttpServerTest, sends_bodies_of_unknown_length_in_chunks_and_ranges_of_memory) {
  EXPECT_TRUE(exchange("GET /stream HTTP/1.1\r\n\r\n").ends_with("\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"));
  const std::string old = exchange("GET /stream HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(old.ends_with("\r\n\r\nabcdefg")) << old;
  EXPECT_TRUE(exchange("GET /bytes HTTP/1.1\r\n\r\n").ends_with("\r\n\r\n3456"));
}

TEST_F(HttpServerTest, honours_connection_close) {
  const std::string answer = exchange("GET /hot HTTP/1.1\r\nConnection: close\r\n\r\nGET /next HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(contains(answer, "Connection: close")) << answer;
  EXPECT_FALSE(contains(answer, "/next")) << answer;
}

TEST_F(HttpServerTest, refuses_an_address_that_is_taken) {
  HttpServerOptions options;
  options.listen = "127.0.0.1:" + std::to_string(port_);
  const auto second = HttpServer::listen(options, loops_, clock_, blocks_, handler_, nullptr);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code(), ErrorCode::unavailable);
}

}  // namespace
}  // namespace lifeboat::sys
