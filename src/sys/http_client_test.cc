#include "sys/http_client.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include "sys/beside.h"
#include "sys/notification.h"
#include "test/support/http_imposter.h"
#include "test/support/run.h"

namespace lifeboat::sys {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::HttpImposter;
using Answer = HttpImposter::Answer;
using Ending = HttpImposter::Ending;

Call call_of(milliseconds patience = seconds(20)) { return {std::chrono::steady_clock::now() + patience, "test"}; }

HttpClientRequest get(std::string url) {
  HttpClientRequest request;
  request.url = std::move(url);
  return request;
}

struct Body {
  std::string bytes;
  uint64_t count = 0;
  std::size_t blocks = 0;
};

Task<Body> read_all(HttpDownload& download) {
  Body body;
  for (;;) {
    LB_CO_TRY(const Block block, co_await download.next());
    if (block.size() == 0) co_return body;
    body.count += block.size();
    ++body.blocks;
    if (body.bytes.size() < kMiB) body.bytes.append(as_text(block.bytes()));
  }
}

Task<Body> fetch(HttpClient& client, HttpClientRequest request) {
  LB_CO_TRY(const auto download, co_await client.open(call_of(), std::move(request)));
  co_return co_await read_all(*download);
}

class HttpClientTest : public ::testing::Test {
 protected:
  Result<HttpClientResponse> send(HttpClientRequest request, milliseconds patience = seconds(20)) {
    return test::run(client_->send(call_of(patience), std::move(request)));
  }
  Result<Body> download(HttpClientRequest request) { return test::run(fetch(*client_, std::move(request))); }

  BlockPool blocks_;
  std::unique_ptr<HttpClient> client_ =
      make_curl_http_client({.user_agent = "lifeboat/test", .connections_per_host_max = 2}, blocks_);
};

TEST_F(HttpClientTest, asks_as_told_and_gives_status_fields_and_body) {
  HttpImposter server([](const auto&) { return Answer{.status = 404, .fields = {{"X-Kind", "tea"}}, .body = "none"}; });
  HttpClientRequest request = get(server.url() + "/v2/a?n=1");
  request.fields.add("Accept", "application/json");
  request.fields.add("Accept-Encoding", "gzip");
  const auto response = send(std::move(request));
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->status, 404);
  EXPECT_EQ(response->fields.find("x-kind"), "tea");
  EXPECT_EQ(response->body, "none");
  EXPECT_EQ(response->effective_url, server.url() + "/v2/a");
  const auto asked = server.requests().at(0);
  EXPECT_EQ(asked.method, "GET");
  EXPECT_EQ(asked.target, "/v2/a?n=1");
  EXPECT_EQ(asked.fields.joined("Accept-Encoding"), "identity");
  EXPECT_EQ(asked.fields.joined("Accept"), "application/json");
  EXPECT_EQ(asked.fields.joined("User-Agent"), "lifeboat/test");
}

TEST_F(HttpClientTest, sends_every_method_with_its_body) {
  HttpImposter server([](const auto&) { return Answer{.body = "ok"}; });
  for (const HttpMethod method : {HttpMethod::head, HttpMethod::post, HttpMethod::put, HttpMethod::delete_}) {
    HttpClientRequest request = get(server.url() + "/");
    request.method = method;
    if (method == HttpMethod::post || method == HttpMethod::put) request.body = "a=b";
    const auto response = send(std::move(request));
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->body, method == HttpMethod::head ? "" : "ok");
    EXPECT_EQ(server.requests().back().method, to_string(method));
  }
  EXPECT_EQ(server.requests().at(1).body, "a=b");
  EXPECT_EQ(server.requests().at(1).fields.joined("Content-Type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(server.requests().at(2).body, "a=b");
  EXPECT_FALSE(server.requests().at(2).fields.find("Content-Type"));
  EXPECT_EQ(server.connections(), 1U) << "the connection is kept";
}

TEST_F(HttpClientTest, refuses_a_request_that_cannot_be_written_down) {
  HttpClientRequest broken = get("http://127.0.0.1:1/");
  broken.fields.add("X", "a\r\nHost: evil");
  EXPECT_EQ(send(std::move(broken)).error().code(), ErrorCode::invalid);
  EXPECT_EQ(send(get("ftp://a/")).error().code(), ErrorCode::invalid);
  EXPECT_EQ(send(get("file:///etc/passwd")).error().code(), ErrorCode::invalid);
}

TEST_F(HttpClientTest, follows_a_redirect_and_drops_authorization_on_another_host) {
  HttpImposter other([](const auto&) { return Answer{.body = "content"}; });
  HttpImposter server([&](const HttpImposter::Request& request) {
    if (request.target == "/same") return Answer{.status = 307, .fields = {{"Location", "/blob"}}};
    if (request.target == "/other")
      return Answer{.status = 307, .fields = {{"Location", other.url() + "/s?sig=secret"}}};
    return Answer{.body = "here"};
  });
  HttpClientRequest same = get(server.url() + "/same");
  same.fields.add("Authorization", "Bearer t");
  ASSERT_EQ(send(same)->body, "here");
  EXPECT_EQ(server.requests().back().fields.joined("Authorization"), "Bearer t");

  HttpClientRequest across = get(server.url() + "/other");
  across.fields.add("Authorization", "Bearer t");
  const auto response = send(across);
  ASSERT_EQ(response->body, "content");
  EXPECT_EQ(response->effective_url, other.url() + "/s");
  EXPECT_FALSE(other.requests().back().fields.find("Authorization"));

  across.method = HttpMethod::post;
  EXPECT_EQ(send(across)->status, 307) << "only GET and HEAD follow";
}

TEST_F(HttpClientTest, ends_a_circle_of_redirects) {
  HttpImposter server([](const auto&) { return Answer{.status = 302, .fields = {{"Location", "/again"}}}; });
  const auto response = send(get(server.url() + "/"));
  EXPECT_EQ(response.error().code(), ErrorCode::unavailable);
  EXPECT_EQ(server.requests().size(), 6U);
}

TEST_F(HttpClientTest, streams_a_large_body_in_whole_blocks) {
  HttpImposter server([](const auto&) { return Answer{.filler_bytes = 64 * kMiB + 5}; });
  const auto body = download(get(server.url() + "/blob"));
  ASSERT_TRUE(body) << body.error().message();
  EXPECT_EQ(body->count, 64 * kMiB + 5);
  EXPECT_LE(body->blocks, 80U);
  EXPECT_EQ(blocks_.in_use(), 0U);
}

TEST_F(HttpClientTest, streams_an_empty_and_a_chunked_body) {
  HttpImposter server([](const HttpImposter::Request& request) {
    if (request.target == "/empty") return Answer{};
    return Answer{.raw = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"};
  });
  EXPECT_EQ(download(get(server.url() + "/empty"))->count, 0U);
  EXPECT_EQ(download(get(server.url() + "/chunked"))->bytes, "abc");
}

Task<std::size_t> hold_while_full(HttpClient& client, BlockPool& blocks, std::string url, std::future<void> written) {
  LB_CO_TRY(const auto download, co_await client.open(call_of(), get(std::move(url))));
  LB_CO_TRY(const Block first, co_await download->next());
  // Whatever the reader does not take stays with the peer, however long it takes.
  const bool is_all_written = written.wait_for(milliseconds(200)) == std::future_status::ready;
  co_return is_all_written ? 1000 : blocks.in_use();
}

TEST_F(HttpClientTest, makes_the_peer_wait_for_a_slow_reader) {
  std::promise<void> written;
  HttpImposter server(
      [&](const auto&) { return Answer{.filler_bytes = 64 * kMiB, .pause = [&] { written.set_value(); }}; });
  const auto held = test::run(hold_while_full(*client_, blocks_, server.url() + "/", written.get_future()));
  ASSERT_TRUE(held) << held.error().message();
  EXPECT_LE(*held, 4U) << "the reader's one, two ready, one being filled";
}

Task<std::string> first_bytes(HttpClient& client, std::string url, std::promise<void>& go) {
  LB_CO_TRY(const auto download, co_await client.open(call_of(), get(std::move(url))));
  LB_CO_TRY(const Block first, co_await download->next());
  go.set_value();
  LB_CO_TRY(const Block second, co_await download->next());
  co_return std::string(as_text(first.bytes())) + "|" + std::string(as_text(second.bytes()));
}

TEST_F(HttpClientTest, gives_what_a_slow_peer_has_sent) {
  std::promise<void> go;
  HttpImposter server([&](const auto&) {
    return Answer{.body = "first", .announced_bytes = 11, .pause = [&] { go.get_future().wait(); }, .more = "second"};
  });
  EXPECT_EQ(test::run(first_bytes(*client_, server.url() + "/", go)), "first|second");
}

TEST_F(HttpClientTest, names_every_failure_of_a_body) {
  struct Row {
    const char* name;
    Answer answer;
    ErrorCode code;
  };
  const std::vector<Row> rows{
      {"short", {.body = "abc", .announced_bytes = 9, .ending = Ending::close}, ErrorCode::corrupt},
      {"reset", {.body = "abc", .announced_bytes = 9, .ending = Ending::reset}, ErrorCode::unavailable},
      {"stall", {.body = "abc", .announced_bytes = 9, .ending = Ending::hang}, ErrorCode::timed_out},
      {"two lengths",
       {.fields = {{"Content-Length", "5"}}, .body = "abc", .ending = Ending::close},
       ErrorCode::corrupt},
      {"chunks without end",
       {.raw = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", .ending = Ending::close},
       ErrorCode::corrupt},
      {"no answer", {.announced_bytes = -1, .raw = "\r\n", .ending = Ending::close}, ErrorCode::unavailable},
      {"another protocol", {.raw = "SSH-2.0-x\r\n", .ending = Ending::close}, ErrorCode::unavailable},
      {"hang before the answer", {.raw = "H", .ending = Ending::hang}, ErrorCode::timed_out},
      {"hang in the head", {.raw = "HTTP/1.1 200 OK\r\nX: y\r\n", .ending = Ending::hang}, ErrorCode::timed_out},
      {"endless header",
       {.fields = {{"X", std::string(70 * kKiB, 'y')}}, .body = "abc", .ending = Ending::close},
       ErrorCode::corrupt},
  };
  for (const Row& row : rows) {
    HttpImposter server([&](const auto&) { return row.answer; });
    HttpClientRequest request = get(server.url() + "/path?token=hidden");
    request.deadlines = {.first_byte = milliseconds(150), .stall = milliseconds(150)};
    const auto streamed = download(request);
    const auto sent = send(request);
    ASSERT_FALSE(streamed) << row.name;
    ASSERT_FALSE(sent) << row.name;
    EXPECT_EQ(streamed.error().code(), row.code) << row.name << ": " << streamed.error().message();
    EXPECT_EQ(sent.error().code(), row.code) << row.name << ": " << sent.error().message();
    EXPECT_TRUE(sent.error().message().contains(server.host())) << sent.error().message();
    EXPECT_FALSE(sent.error().message().contains("hidden")) << sent.error().message();
  }
}

TEST_F(HttpClientTest, names_every_failure_to_connect) {
  const test::RefusingPort refusing;
  const auto refused = send(get(refusing.url() + "/"));
  EXPECT_EQ(refused.error().code(), ErrorCode::unavailable);
  EXPECT_TRUE(refused.error().message().contains("connect")) << refused.error().message();

  const auto unknown = send(get("http://no-such-host.invalid/"));
  EXPECT_EQ(unknown.error().code(), ErrorCode::unavailable);
  EXPECT_TRUE(unknown.error().message().contains("resolve")) << unknown.error().message();

  HttpImposter plain([](const auto&) { return Answer{}; });
  const auto no_tls = send(get("https://" + plain.host() + "/"), seconds(1));
  ASSERT_FALSE(no_tls);
}

TEST_F(HttpClientTest, gives_up_on_a_black_hole_at_the_deadline_of_the_step_or_of_the_call) {
  struct Row {
    const char* name;
    bool is_tls;
    HttpDeadlines deadlines;
    milliseconds patience;
    const char* step;
  };
  const HttpDeadlines patient{.tls = seconds(60), .first_byte = seconds(60), .stall = seconds(60)};
  const std::vector<Row> rows{
      {"no handshake", true, {.tls = milliseconds(100)}, seconds(60), "TLS"},
      {"no first byte", false, {.first_byte = milliseconds(100)}, seconds(60), "first byte"},
      {"no handshake, short call", true, patient, milliseconds(700), "TLS"},
      {"no first byte, short call", false, patient, milliseconds(700), "first byte"},
  };
  const test::BlackHole hole;
  for (const Row& row : rows) {
    HttpClientRequest request = get((row.is_tls ? hole.tls_url() : hole.url()) + "/");
    request.deadlines = row.deadlines;
    const auto began = std::chrono::steady_clock::now();
    const auto response = send(request, row.patience);
    ASSERT_FALSE(response) << row.name;
    EXPECT_EQ(response.error().code(), ErrorCode::timed_out) << row.name << ": " << response.error().message();
    EXPECT_TRUE(response.error().message().contains(row.step)) << row.name << ": " << response.error().message();
    EXPECT_LT(std::chrono::steady_clock::now() - began, seconds(5)) << row.name;
  }
}

TEST_F(HttpClientTest, bounds_a_body_that_must_fit_in_memory) {
  HttpImposter server([](const HttpImposter::Request& request) {
    Answer answer{.filler_bytes = 4 * kMiB, .ending = Ending::close};
    if (request.target == "/unannounced") answer.announced_bytes = -1;
    return answer;
  });
  for (const std::string_view target : {"/announced", "/unannounced"}) {
    HttpClientRequest request = get(server.url() + std::string(target));
    request.body_max_bytes = 1000;
    EXPECT_EQ(send(request).error().code(), ErrorCode::corrupt) << target;
  }
}

Task<bool> open_and_leave(HttpClient& client, std::string url) {
  LB_CO_TRY(const auto download, co_await client.open(call_of(), get(std::move(url))));
  LB_CO_TRY(const Block block, co_await download->next());
  co_return block.size() > 0;
}

TEST_F(HttpClientTest, ends_the_transfer_of_a_reader_who_left) {
  {
    HttpImposter server([](const auto&) { return Answer{.filler_bytes = kGiB * 1024, .ending = Ending::close}; });
    for (int i = 0; i < 5; ++i) EXPECT_EQ(test::run(open_and_leave(*client_, server.url() + "/")), true) << i;
  }  // the imposter's threads end only when their connections do
}

TEST_F(HttpClientTest, stops_with_transfers_open) {
  HttpImposter server([](const auto&) { return Answer{.body = "abc", .announced_bytes = 9, .ending = Ending::hang}; });
  auto download = test::run(client_->open(call_of(), get(server.url() + "/")));
  ASSERT_TRUE(download);
  client_.reset();
  auto next = test::run((*download)->next());
  if (next) {  // what had come before is still given
    EXPECT_EQ(as_text(next->bytes()), "abc");
    next = test::run((*download)->next());
  }
  EXPECT_EQ(next.error().code(), ErrorCode::cancelled);
}

Task<int> ask_beside_two_downloads(HttpClient& client, std::string url) {
  LB_CO_TRY(const auto one, co_await client.open(call_of(), get(url + "/blob")));
  LB_CO_TRY(auto two, co_await client.open(call_of(), get(url + "/blob")));
  LB_CO_TRY(const auto small, co_await client.send(call_of(), get(url + "/manifest")));
  const auto third = co_await client.open(call_of(milliseconds(50)), get(url + "/blob"));
  if (third || third.error().code() != ErrorCode::too_many) co_return 1;
  auto impatient = get(url + "/blob");
  impatient.waits_for_turn = false;
  const auto at_once = co_await client.open(call_of(), std::move(impatient));
  if (at_once || !at_once.error().message().contains("as many run as may")) co_return 2;
  two.reset();
  LB_CO_TRY(const auto fourth, co_await client.open(call_of(), get(url + "/blob")));
  co_return small.status;
}

TEST_F(HttpClientTest, bounds_downloads_per_host_and_never_what_is_small) {
  HttpImposter server([](const HttpImposter::Request& request) {
    if (request.target == "/manifest") return Answer{};
    return Answer{.body = "abc", .announced_bytes = 9, .ending = Ending::hang};
  });
  const auto status = test::run(ask_beside_two_downloads(*client_, server.url()));
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(*status, 200);
}

struct Downloads {
  std::vector<NetworkStep> failed_at{};
  Notification changed{};
};

Awaitable<void> download_in_vain(HttpClient& client, std::string url, Downloads& all) {
  auto request = get(std::move(url));
  request.deadlines.connect = milliseconds(200);
  const auto download = co_await client.open(call_of(), std::move(request));
  all.failed_at.push_back(download ? NetworkStep::none : download.error().step());
  all.changed.notify_all();
}

Task<std::vector<NetworkStep>> download_all_in_vain(HttpClient& client, std::string url, std::size_t count) {
  Downloads all;
  for (std::size_t number = 0; number < count; ++number) {
    co_await start_beside(download_in_vain(client, url + "/" + std::to_string(number), all));
  }
  for (;;) {
    const uint64_t seen = all.changed.version();
    if (all.failed_at.size() == count) co_return all.failed_at;
    co_await all.changed.wait(seen, SteadyTime::max());
  }
}

TEST_F(HttpClientTest, tells_downloads_that_wait_when_those_before_them_cannot_connect) {
  const test::DeadAddress powered_off;
  auto steps = test::run(download_all_in_vain(*client_, powered_off.url(), 4));
  ASSERT_TRUE(steps) << steps.error().message();
  std::ranges::sort(*steps);
  const std::vector want{NetworkStep::not_sent, NetworkStep::not_sent, NetworkStep::connect, NetworkStep::connect};
  EXPECT_EQ(*steps, want) << "two at once, and the others wait for their turn";
}

}  // namespace
}  // namespace lifeboat::sys
