#include "upstream/token.h"

#include <gtest/gtest.h>

#include "sys/event_loops.h"
#include "test/support/http_imposter.h"
#include "test/support/run.h"
#include "upstream/scope.h"

namespace lifeboat::upstream {
namespace {

using std::chrono::seconds;

TEST(Token, is_read_in_both_spellings) {
  struct Row {
    const char* name;
    std::string body;
    std::string want;
    int lifetime_s;
  };
  const std::vector<Row> rows{
      {"token", R"({"token":"a","expires_in":300})", "a", 300},
      {"access_token", R"({"access_token":"b","expires_in":300})", "b", 300},
      {"both", R"({"access_token":"b","token":"a"})", "a", 60},
      {"empty token beside access_token", R"({"access_token":"b","token":""})", "b", 60},
      {"no lifetime", R"({"token":"a"})", "a", 60},
      {"no lifetime to speak of", R"({"token":"a","expires_in":0})", "a", 60},
      {"negative", R"({"token":"a","expires_in":-5})", "a", 60},
      {"too long", R"({"token":"a","expires_in":18446744073709551615})", "a", 86400},
      {"text", R"({"token":"a","expires_in":"300"})", "a", 60},
  };
  for (const Row& row : rows) {
    const auto token = parse_token(row.body);
    ASSERT_TRUE(token) << row.name;
    EXPECT_EQ(token->text, row.want) << row.name;
    EXPECT_EQ(token->lifetime, seconds(row.lifetime_s)) << row.name;
  }
  for (const std::string& bad :
       std::vector<std::string>{"", "[]", "<html>", "{}", R"({"token":7})", R"({"token":"a\r\nb"})",
                                "{\"token\":\"" + std::string(40000, 'a') + "\"}"}) {
    EXPECT_EQ(parse_token(bad).error().code(), ErrorCode::corrupt) << bad.substr(0, 40);
  }
}

TEST(Scope, is_never_wider_than_pulling_one_repository) {
  const std::string own = "repository:a/b:pull";
  EXPECT_EQ(scope_of(std::nullopt, own), own);
  EXPECT_EQ(scope_of("repository:a/b:pull,push", own), own);
  EXPECT_EQ(scope_of("repository:proxy/a/b:*", own), "repository:proxy/a/b:pull");
  EXPECT_EQ(scope_of("registry:catalog:*", own), own);
  EXPECT_EQ(scope_of("repository:a/b:pull repository:c:push", own), own);
  EXPECT_EQ(scope_of("repository:", own), own);
}

TEST(Credentials, are_written_as_basic) {
  EXPECT_EQ((Credentials{"Aladdin", "open sesame"}.basic()), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_EQ((Credentials{"a", "b"}.basic()), "Basic YTpi");
  EXPECT_EQ((Credentials{"a", ""}.basic()), "Basic YTo=");
}

class TokenCacheTest : public ::testing::Test {
 protected:
  TokenRequest request(const std::string& url) {
    return {.realm = *Url::parse(url + "/token"),
            .service = "s",
            .scope = "repository:a:pull",
            .credentials = std::nullopt,
            .trust = {},
            .deadlines = {}};
  }
  Awaitable<void> get_into(TokenRequest request, std::vector<Result<std::string>>& results, std::size_t wanted,
                           sys::EventLoops& loops) {
    const Call call(std::chrono::steady_clock::now() + seconds(20), "test");
    results.push_back(co_await cache_.get(call, std::move(request)));
    if (results.size() == wanted) loops.stop();
  }
  std::vector<Result<std::string>> get_together(const std::string& url, std::size_t count) {
    sys::EventLoops loops(1);
    std::vector<Result<std::string>> results;
    for (std::size_t i = 0; i < count; ++i) loops.spawn(0, get_into(request(url), results, count, loops));
    loops.run();
    return results;
  }

  sys::BlockPool blocks_;
  sys::SystemClock clock_;
  sys::Metrics metrics_;
  Log log_{{.level = LogLevel::error}};
  std::unique_ptr<sys::HttpClient> client_ = sys::make_curl_http_client({.user_agent = "lifeboat/test"}, blocks_);
  sys::Notification opened_;
  TokenCache cache_{*client_, {clock_, log_, metrics_, opened_}, {}};
};

TEST_F(TokenCacheTest, fetches_once_for_all_who_wait) {
  test::HttpImposter realm([](const auto&) { return test::HttpImposter::Answer{.body = R"({"token":"t"})"}; });
  const auto results = get_together(realm.url(), 20);
  for (const auto& result : results) EXPECT_EQ(result, "t");
  EXPECT_EQ(realm.requests().size(), 1U);
}

TEST_F(TokenCacheTest, tells_all_who_wait_of_a_failure) {
  test::HttpImposter realm([](const auto&) { return test::HttpImposter::Answer{.status = 401}; });
  for (const auto& result : get_together(realm.url(), 20)) EXPECT_EQ(result.error().code(), ErrorCode::unauthorized);
  EXPECT_EQ(realm.requests().size(), 1U);
}

TEST_F(TokenCacheTest, follows_no_redirect_of_a_realm) {
  test::HttpImposter elsewhere([](const auto&) { return test::HttpImposter::Answer{.body = R"({"token":"t"})"}; });
  test::HttpImposter realm([&](const auto&) {
    return test::HttpImposter::Answer{.status = 307, .fields = {{"Location", elsewhere.url() + "/"}}};
  });
  EXPECT_EQ(get_together(realm.url(), 1).at(0).error().code(), ErrorCode::unavailable);
  EXPECT_TRUE(elsewhere.requests().empty());
}

TEST_F(TokenCacheTest, leaves_the_flight_to_another_when_the_leader_goes) {
  test::HttpImposter realm([](const auto&) { return test::HttpImposter::Answer{.body = R"({"token":"t"})"}; });
  std::vector<Result<std::string>> dropped;
  {
    sys::EventLoops loops(1);
    loops.spawn(0, get_into(request(realm.url()), dropped, 1, loops));
    loops.post(0, [&] { loops.stop(); });
    loops.run();
  }
  EXPECT_EQ(get_together(realm.url(), 1).at(0), "t");
}

}  // namespace
}  // namespace lifeboat::upstream
