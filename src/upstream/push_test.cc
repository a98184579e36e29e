// What the pusher decides, without a registry.

#include <gtest/gtest.h>

#include <vector>

#include "upstream/push_session.h"
#include "upstream/push_wire.h"
#include "upstream/scope.h"

namespace lifeboat::upstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(PushPause, repeats_what_may_pass_and_nothing_else) {
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
      {"down too often", down, 4, {}, {}},
      {"500", at(ErrorCode::internal, NetworkStep::none), 1, {}, milliseconds(500)},
      {"limited", limited, 1, seconds(20), seconds(20)},
      {"limited for no time", limited, 1, seconds(0), milliseconds(500)},
      {"limited for too long", limited, 1, minutes(10), {}},
      {"refused", at(ErrorCode::invalid, NetworkStep::none), 1, {}, {}},
      {"denied", at(ErrorCode::denied, NetworkStep::none), 1, {}, {}},
      {"disk full", at(ErrorCode::no_space, NetworkStep::none), 1, {}, {}},
      {"other bytes", at(ErrorCode::corrupt, NetworkStep::none), 1, {}, {}},
      {"broke off", at(ErrorCode::corrupt, NetworkStep::body), 1, {}, milliseconds(500)},
  };
  for (const Row& row : rows) EXPECT_EQ(push_pause(row.failure, row.asked, row.named), row.want) << row.name;
}

TEST(PushFailure, is_the_class_that_tells_what_can_be_done) {
  struct Row {
    int status;
    const char* type;
    const char* body;
    std::optional<ErrorCode> want;
  };
  const char* const json = "application/json";
  const std::vector<Row> rows{
      {200, json, "", {}},
      {201, "", "", {}},
      {202, "", "", {}},
      {204, "", "", {}},
      {201, "text/html", "<html>", ErrorCode::corrupt},
      {400, json, R"({"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]})", ErrorCode::invalid},
      {401, json, "", ErrorCode::unauthorized},
      {403, json, "", ErrorCode::denied},
      {404, json, "", ErrorCode::not_found},
      {405, json, "", ErrorCode::unsupported},
      {409, json, "", ErrorCode::conflict},
      {413, "text/html", "<html>", ErrorCode::invalid},
      {416, json, "", ErrorCode::invalid},
      {429, json, "", ErrorCode::too_many},
      {500, json, "", ErrorCode::internal},
      {502, "text/html", "<html>", ErrorCode::unavailable},
      {503, json, "", ErrorCode::unavailable},
      {507, json, "", ErrorCode::no_space},
      {307, json, "", ErrorCode::unavailable},
  };
  for (const Row& row : rows) {
    sys::HttpClientResponse response{.status = row.status, .fields = {}, .body = row.body, .effective_url = {}};
    if (*row.type != '\0') response.fields.add("Content-Type", row.type);
    const auto failure = push_failure_of(response, "cannot put it", WallTime());
    ASSERT_EQ(failure.has_value(), row.want.has_value()) << row.status;
    if (!failure) continue;
    EXPECT_EQ(failure->error.code(), *row.want) << row.status;
    EXPECT_EQ(failure->status, row.status);
    EXPECT_TRUE(failure->error.message().starts_with("cannot put it: " + std::to_string(row.status)))
        << failure->error.message();
  }
}

TEST(SmallerChunk, goes_down_to_what_every_proxy_takes) {
  std::vector<uint64_t> all;
  for (auto chunk = smaller_chunk(0); chunk; chunk = smaller_chunk(*chunk)) all.push_back(*chunk / kMiB);
  EXPECT_EQ(all, (std::vector<uint64_t>{64, 16, 4, 1}));
  EXPECT_EQ(smaller_chunk(3 * kMiB), kMiB);
}

TEST(BytesOfRange, tells_how_many_came) {
  EXPECT_EQ(bytes_of_range("0-41"), 42U);
  EXPECT_EQ(bytes_of_range("bytes=0-41"), 42U);
  EXPECT_EQ(bytes_of_range("0-4294967295"), 4294967296U);
  for (const char* text : {"", "0-0", "1-5", "0-", "0--1", "0-x", "41", "bytes=1-2"}) {
    EXPECT_EQ(bytes_of_range(text), std::nullopt) << text;
  }
}

TEST(CommitWithin, leaves_time_to_read_it_all_once_more) {
  EXPECT_EQ(commit_within(0), minutes(1));
  EXPECT_EQ(commit_within(20 * kGiB), minutes(1) + seconds(1024));
}

TEST(PushScope, asks_for_what_a_push_and_a_mount_need) {
  EXPECT_EQ(push_scope("a/b"), "repository:a/b:pull,push");
  EXPECT_EQ(push_scope("a/b", "c"), "repository:a/b:pull,push repository:c:pull");
  EXPECT_EQ(delete_scope("a/b"), "repository:a/b:delete");
  EXPECT_EQ(scope_of("repository:proxy/a/b:pull", push_scope("a/b")), "repository:proxy/a/b:pull,push")
      << "the endpoint says which repository, the request which actions";
  EXPECT_EQ(scope_of("repository:a/b:*", push_scope("a/b", "c")), push_scope("a/b", "c"));
}

}  // namespace
}  // namespace lifeboat::upstream
