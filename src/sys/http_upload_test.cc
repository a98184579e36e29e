#include "sys/http_upload.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

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

HttpClientRequest request_to(const std::string& url, HttpMethod method = HttpMethod::put) {
  HttpClientRequest request;
  request.method = method;
  request.url = url;
  request.fields.add("Content-Type", "application/octet-stream");
  return request;
}

struct Sent {
  std::size_t taken = 0;  ///< pieces
  HttpClientResponse response{};
};

Task<Sent> send_all(HttpUploadClient& client, HttpClientRequest request, std::vector<SharedBytes> pieces,
                    uint64_t announced, Call call = call_of()) {
  LB_CO_TRY(const auto upload, client.upload(std::move(request), announced));
  Sent sent;
  for (SharedBytes& piece : pieces) {
    const bool is_taken = co_await upload->give(std::move(piece));
    if (!is_taken) break;
    ++sent.taken;
  }
  LB_CO_TRY(sent.response, co_await upload->finish(std::move(call)));
  co_return sent;
}

class HttpUploadTest : public ::testing::Test {
 protected:
  SharedBytes piece(std::size_t size, char letter) {
    Block block = blocks_.take();
    std::memset(block.free_space().data(), letter, size);
    block.grow(size);
    return SharedBytes::of(std::move(block));
  }

  BlockPool blocks_;
  std::unique_ptr<HttpUploadClient> client_ = make_curl_upload_client({.user_agent = "lifeboat/test"}, blocks_);
};

TEST_F(HttpUploadTest, sends_what_is_given_in_order_with_its_length) {
  HttpImposter server([](const auto&) { return Answer{.status = 201, .body = "kept"}; });
  for (const HttpMethod method : {HttpMethod::put, HttpMethod::patch, HttpMethod::post}) {
    std::string want;
    std::vector<SharedBytes> pieces;
    for (const char letter : std::string("abcdefg")) {
      pieces.push_back(piece(700 * kKiB, letter));
      want.append(700 * kKiB, letter);
    }
    const auto sent =
        test::run(send_all(*client_, request_to(server.url() + "/x?digest=y", method), pieces, want.size()));
    ASSERT_TRUE(sent) << sent.error().message();
    EXPECT_EQ(sent->taken, 7U);
    EXPECT_EQ(sent->response.status, 201);
    EXPECT_EQ(sent->response.body, "kept");
    const auto asked = server.requests().back();
    EXPECT_EQ(asked.method, to_string(method));
    EXPECT_EQ(asked.target, "/x?digest=y");
    EXPECT_EQ(asked.fields.joined("Content-Length"), std::to_string(want.size()));
    EXPECT_FALSE(asked.fields.find("Transfer-Encoding"));
    EXPECT_FALSE(asked.fields.find("Expect"));
    EXPECT_TRUE(asked.body == want) << "the bytes that came are others";
  }
  EXPECT_EQ(server.connections(), 1U) << "the connection is kept";
}

TEST_F(HttpUploadTest, sends_one_block_to_two_places) {
  HttpImposter one([](const auto&) { return Answer{.status = 201}; });
  HttpImposter other([](const auto&) { return Answer{.status = 202}; });
  const SharedBytes shared = piece(1000, 'z');
  EXPECT_EQ(test::run(send_all(*client_, request_to(one.url()), {shared}, 1000))->response.status, 201);
  EXPECT_EQ(test::run(send_all(*client_, request_to(other.url()), {shared}, 1000))->response.status, 202);
  EXPECT_EQ(one.requests().at(0).body, other.requests().at(0).body);
}

TEST_F(HttpUploadTest, keeps_few_pieces_waiting_whatever_the_length) {
  HttpImposter server([](const auto&) { return Answer{.status = 201}; },
                      [](const auto&) { return Answer{.is_silent = true, .ending = Ending::unplug}; });
  struct Run {
    static Task<std::size_t> flood(HttpUploadClient& client, std::string url, SharedBytes piece) {
      HttpClientRequest request = request_to(url);
      request.deadlines.stall = milliseconds(300);
      LB_CO_TRY(const auto upload, client.upload(std::move(request), kGiB));
      std::size_t taken = 0;
      for (;;) {
        const bool is_taken = co_await upload->give(piece);
        if (!is_taken) break;
        ++taken;
      }
      const auto answer = co_await upload->finish(call_of());
      if (answer) co_return fail(ErrorCode::internal, "it was answered");
      if (answer.error().code() != ErrorCode::timed_out) co_return std::unexpected(answer.error());
      co_return taken;
    }
  };
  const auto taken = test::run(Run::flood(*client_, server.url(), piece(kMiB, 'x')));
  ASSERT_TRUE(taken) << taken.error().message();
  EXPECT_LT(*taken, 64U) << "a peer that takes nothing makes the giver wait, then the stall ends it";
}

TEST_F(HttpUploadTest, gives_an_answer_that_came_before_the_body_was_sent) {
  HttpImposter server([](const auto&) { return Answer{}; },
                      [](const auto&) { return Answer{.status = 413, .body = "too large", .ending = Ending::close}; });
  const std::vector<SharedBytes> pieces(64, piece(kMiB, 'x'));
  const auto sent = test::run(send_all(*client_, request_to(server.url()), pieces, 64 * kMiB));
  ASSERT_TRUE(sent) << sent.error().message();
  EXPECT_EQ(sent->response.status, 413);
  EXPECT_EQ(sent->response.body, "too large");
  EXPECT_LT(sent->taken, 64U);
}

TEST_F(HttpUploadTest, tells_of_a_connection_that_broke) {
  HttpImposter server([](const auto&) { return Answer{}; },
                      [](const auto&) { return Answer{.is_silent = true, .ending = Ending::reset}; });
  const std::vector<SharedBytes> pieces(64, piece(kMiB, 'x'));
  const auto sent = test::run(send_all(*client_, request_to(server.url()), pieces, 64 * kMiB));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code(), ErrorCode::unavailable) << sent.error().message();

  const test::RefusingPort refusing;
  const auto refused = test::run(send_all(*client_, request_to(refusing.url()), {piece(10, 'x')}, 10));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().step(), NetworkStep::connect) << refused.error().message();
}

TEST_F(HttpUploadTest, waits_for_a_giver_who_is_slow_and_for_the_answer_no_longer_than_told) {
  HttpImposter server([](const auto&) { return Answer{.status = 201}; });
  struct Run {
    static Task<int> slowly(HttpUploadClient& client, std::string url, SharedBytes piece) {
      HttpClientRequest request = request_to(url);
      request.deadlines.stall = milliseconds(50);
      LB_CO_TRY(const auto upload, client.upload(std::move(request), 2 * piece.bytes.size()));
      (void)co_await upload->give(piece);
      std::this_thread::sleep_for(milliseconds(250));  // the client has a thread of its own
      (void)co_await upload->give(piece);
      LB_CO_TRY(const auto answer, co_await upload->finish(call_of()));
      co_return answer.status;
    }
  };
  const auto slow = test::run(Run::slowly(*client_, server.url(), piece(10, 'x')));
  ASSERT_TRUE(slow) << slow.error().message();
  EXPECT_EQ(*slow, 201);

  HttpImposter mute([](const auto&) { return Answer{.is_silent = true, .ending = Ending::hang}; });
  HttpClientRequest request = request_to(mute.url());
  request.deadlines.first_byte = milliseconds(100);
  const auto unanswered = test::run(send_all(*client_, std::move(request), {piece(10, 'x')}, 10));
  ASSERT_FALSE(unanswered);
  EXPECT_EQ(unanswered.error().code(), ErrorCode::timed_out) << unanswered.error().message();
}

TEST_F(HttpUploadTest, ends_the_request_of_a_giver_who_left) {
  HttpImposter server([](const auto&) { return Answer{.status = 201}; });
  struct Run {
    static Task<bool> leave(HttpUploadClient& client, std::string url, SharedBytes piece) {
      LB_CO_TRY(const auto upload, client.upload(request_to(url), kGiB));
      co_return co_await upload->give(std::move(piece));
    }
  };
  EXPECT_EQ(test::run(Run::leave(*client_, server.url(), piece(kMiB, 'x'))), true);
  EXPECT_EQ(server.requests().size(), 0U) << "the body never came whole";
}

TEST_F(HttpUploadTest, tells_the_length_of_a_body_that_is_empty) {
  HttpImposter server([](const auto&) { return Answer{.status = 201}; });
  for (const HttpMethod method : {HttpMethod::put, HttpMethod::patch, HttpMethod::post}) {
    ASSERT_TRUE(test::run(client_->send(call_of(), request_to(server.url(), method))));
    EXPECT_EQ(server.requests().back().fields.joined("Content-Length"), "0") << to_string(method);
  }
}

}  // namespace
}  // namespace lifeboat::sys
