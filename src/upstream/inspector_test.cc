#include "upstream/inspector.h"

#include "test/support/code_of.h"
#include "upstream/source_test.h"

namespace lifeboat::upstream {
namespace {

using source_test::Answer;
using source_test::call;
using source_test::digest_of;
using source_test::json;
using source_test::kManifest;
using source_test::milliseconds;
using source_test::Request;
using source_test::seconds;
using source_test::tag;
using source_test::unknown;
using test::code_of;
using test::HttpImposter;
using Extent = blob::Inspector::Extent;
using Thing = blob::Inspector::Thing;

oci::Repository app() { return *oci::Repository::parse("team/app"); }

/// Nobody waits in a test.
class HurriedClock final : public sys::Clock {
 public:
  SteadyTime now() const override { return real_.now(); }
  WallTime wall() const override { return real_.wall(); }
  Awaitable<void> sleep_until(SteadyTime) override { co_return; }

 private:
  sys::SystemClock real_;
};

class RegistryInspectorTest : public source_test::RegistrySourceTest {
 protected:
  std::unique_ptr<RegistryInspector> inspector(const std::string& url,
                                               const std::function<void(EndpointOptions&)>& change = {}) {
    EndpointOptions options;
    options.url = url;
    if (change) change(options);
    return std::make_unique<RegistryInspector>(RegistryInspector::Parts{*client_, hurried_, *files_, disk_, log_},
                                               *Endpoint::make(std::move(options)));
  }

  HurriedClock hurried_;
};

struct FirstBytes {
  std::string bytes;
  std::optional<uint64_t> whole;
};
Task<FirstBytes> read(blob::Inspector& asked, oci::Digest digest, Extent extent) {
  LB_CO_TRY(const auto stream, co_await asked.open(call(), app(), digest, extent));
  FirstBytes read{.bytes = {}, .whole = stream->size_bytes()};
  for (;;) {
    LB_CO_TRY(const sys::Block block, co_await stream->next());
    if (block.size() == 0) co_return read;
    read.bytes.append(as_text(block.bytes()));
  }
}

TEST(InspectionPause, repeats_what_may_pass_and_nothing_else) {
  const auto at = [](ErrorCode code, NetworkStep step) { return Error(code, "x").at(step); };
  const Error down = at(ErrorCode::unavailable, NetworkStep::connect);
  const Error limited = at(ErrorCode::too_many, NetworkStep::none);
  struct Row {
    const char* name;
    Error failure;
    int asked;
    std::optional<Duration> named;
    std::optional<Duration> want;
  };
  const std::vector<Row> rows{
      {"down", down, 1, {}, milliseconds(500)},
      {"down again", down, 2, {}, seconds(2)},
      {"down too often", down, 3, {}, {}},
      {"500", at(ErrorCode::internal, NetworkStep::none), 1, {}, milliseconds(500)},
      {"a limit that names its pause", limited, 1, seconds(7), seconds(7)},
      {"a limit that names none", limited, 1, {}, milliseconds(500)},
      {"a limit that is over too late", limited, 1, seconds(31), {}},
      {"a pause of nothing", limited, 1, seconds(0), milliseconds(500)},
      {"a body that broke off", at(ErrorCode::corrupt, NetworkStep::body), 1, {}, milliseconds(500)},
      {"a whole answer that means nothing", at(ErrorCode::corrupt, NetworkStep::none), 1, {}, {}},
      {"not there", at(ErrorCode::not_found, NetworkStep::none), 1, {}, {}},
      {"a login that is refused", at(ErrorCode::unauthorized, NetworkStep::none), 1, {}, {}},
  };
  for (const Row& row : rows) EXPECT_EQ(inspection_pause(row.failure, row.asked, row.named), row.want) << row.name;
}

TEST_F(RegistryInspectorTest, gives_a_manifest_as_it_came_also_with_the_wrong_bytes) {
  HttpImposter server([](const Request&) {
    Answer answer = json(kManifest);
    answer.fields.emplace_back("Docker-Content-Digest", digest_of("another").to_string());
    return answer;
  });
  const auto got = test::run(inspector(server.url())->manifest(call(), app(), oci::Reference(digest_of("another"))));
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->bytes, kManifest);
  EXPECT_EQ(got->digest, digest_of("another"));
  EXPECT_EQ(got->content_type, "application/json");
}

TEST_F(RegistryInspectorTest, a_manifest_that_is_too_long_is_an_answer) {
  HttpImposter server([](const Request&) { return Answer{.body = std::string(oci::kManifestMaxBytes + 1, 'x')}; });
  const auto got = test::run(inspector(server.url())->manifest(call(), app(), oci::Reference(tag("1.0"))));
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_TRUE(got->is_too_long);
  EXPECT_EQ(server.requests().size(), 1U) << "it will be as long the next time";
}

TEST_F(RegistryInspectorTest, heads_tell_length_and_digest) {
  HttpImposter server([](const Request&) {
    return Answer{.fields = {{"Docker-Content-Digest", digest_of("12345").to_string()}}, .body = "12345"};
  });
  const auto asked = inspector(server.url());
  const auto blob = test::run(asked->head(call(), app(), Thing::blob, oci::Reference(digest_of("12345"))));
  ASSERT_TRUE(blob) << blob.error().message();
  EXPECT_EQ(blob->size_bytes, 5U);
  EXPECT_EQ(blob->digest, digest_of("12345"));
  (void)test::run(asked->head(call(), app(), Thing::manifest, oci::Reference(tag("1.0"))));
  EXPECT_EQ(server.requests()[0].method, "HEAD");
  EXPECT_EQ(server.requests()[0].target, "/v2/team/app/blobs/" + digest_of("12345").to_string());
  EXPECT_EQ(server.requests()[1].target, "/v2/team/app/manifests/1.0");
}

TEST_F(RegistryInspectorTest, the_first_byte_tells_how_long_the_whole_is) {
  struct Row {
    const char* name;
    Answer answer;
    const char* bytes;
    std::optional<uint64_t> whole;
    std::string_view error;
  };
  const auto ranged = [](const char* range, const char* body) {
    return Answer{.status = 206, .fields = {{"Content-Range", range}}, .body = body};
  };
  const std::vector<Row> rows{
      {"a range", ranged("bytes 0-0/77", "x"), "x", 77, ""},
      {"a range of what nobody knows", ranged("bytes 0-0/*", "x"), "x", std::nullopt, ""},
      {"no ranges", Answer{.body = "whole"}, "whole", 5, ""},
      {"another range", ranged("bytes 5-5/77", "x"), "", std::nullopt, "corrupt"},
      {"no blob", unknown(), "", std::nullopt, "not_found"},
  };
  for (const Row& row : rows) {
    HttpImposter server([&](const Request&) { return row.answer; });
    const auto got = test::run(read(*inspector(server.url()), digest_of("x"), Extent::first_byte));
    EXPECT_EQ(code_of(got), row.error) << row.name;
    EXPECT_EQ(server.requests()[0].fields.joined("Range"), "bytes=0-0") << row.name;
    if (!got) continue;
    EXPECT_EQ(got->bytes, row.bytes) << row.name;
    EXPECT_EQ(got->whole, row.whole) << row.name;
  }
}

TEST_F(RegistryInspectorTest, asks_for_the_whole_where_there_is_no_first_byte) {
  HttpImposter server(
      [](const Request& request) { return request.fields.joined("Range").empty() ? Answer{} : Answer{.status = 416}; });
  const auto got = test::run(read(*inspector(server.url()), digest_of(""), Extent::first_byte));
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->bytes, "");
  EXPECT_EQ(got->whole, 0U);
}

TEST_F(RegistryInspectorTest, asks_again_what_failed_and_is_not_refused_by_a_breaker) {
  int asked = 0;
  HttpImposter server([&](const Request&) { return ++asked < 3 ? json("{}", 503) : json(kManifest); });
  const auto inspected = inspector(server.url());
  EXPECT_EQ(code_of(test::run(inspected->manifest(call(), app(), oci::Reference(tag("1"))))), "");
  EXPECT_EQ(asked, 3);
  test::RefusingPort nobody;
  const auto dead = inspector(nobody.url());
  for (int i = 0; i < 2; ++i) {
    const auto got = test::run(dead->manifest(call(), app(), oci::Reference(tag("1"))));
    EXPECT_EQ(code_of(got), "unavailable");
    EXPECT_EQ(got.error().step(), NetworkStep::connect) << "it was asked";
  }
}

TEST_F(RegistryInspectorTest, logs_in_and_tells_a_refused_login) {
  source_test::TokenRegistry registry("right");
  const auto with = [&](const char* password) {
    return inspector(registry.url(), [&](EndpointOptions& options) {
      options.username = "user";
      options.password = password;
    });
  };
  const auto good = with("right");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(code_of(test::run(good->manifest(call(), app(), oci::Reference(tag("1"))))), "");
  }
  EXPECT_EQ(registry.tokens(), 1) << "the token is kept";
  EXPECT_EQ(code_of(test::run(with("wrong")->manifest(call(), app(), oci::Reference(tag("1"))))), "unauthorized");
}

TEST_F(RegistryInspectorTest, lists_the_catalog_page_by_page) {
  HttpImposter server([](const Request& request) {
    if (request.target.contains("last=team%2Fb")) return json(R"({"repositories":["team/c"]})");
    Answer page = json(R"({"repositories":["team/a","Not A Name","team/b"]})");
    page.fields.emplace_back("Link", R"(</v2/_catalog?n=2&last=team%2Fb>; rel="next")");
    return page;
  });
  const auto asked = inspector(server.url());
  const auto first = test::run(asked->repositories(call(), "", 3));
  ASSERT_TRUE(first) << first.error().message();
  ASSERT_EQ(first->repositories.size(), 2U) << "what is no name is left out";
  EXPECT_TRUE(first->has_more);
  const auto second = test::run(asked->repositories(call(), "team/b", 3));
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_EQ(second->repositories.size(), 1U);
  EXPECT_FALSE(second->has_more);
  HttpImposter closed([](const Request&) { return json(R"({"errors":[{"code":"DENIED"}]})", 403); });
  EXPECT_EQ(code_of(test::run(inspector(closed.url())->repositories(call(), "", 3))), "denied");
}

TEST_F(RegistryInspectorTest, knows_when_few_requests_are_left) {
  HttpImposter server([](const Request&) {
    Answer answer = json(kManifest);
    answer.fields.emplace_back("RateLimit-Limit", "100;w=21600");
    answer.fields.emplace_back("RateLimit-Remaining", "3;w=21600");
    return answer;
  });
  const auto asked = inspector(server.url());
  EXPECT_FALSE(asked->is_short_of_requests());
  (void)test::run(asked->manifest(call(), app(), oci::Reference(tag("1"))));
  EXPECT_TRUE(asked->is_short_of_requests());
}

}  // namespace
}  // namespace lifeboat::upstream
