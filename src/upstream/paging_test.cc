#include "upstream/paging.h"

#include <gtest/gtest.h>

#include "upstream/failover.h"

namespace lifeboat::upstream {
namespace {

using Names = std::vector<std::string>;

TEST(Paging, reads_a_list_of_tags) {
  EXPECT_EQ(parse_tag_list(R"({"name":"a","tags":["b","1.0","not a tag",7,"c"]})").value(), (Names{"b", "1.0", "c"}));
  EXPECT_EQ(parse_tag_list(R"({"name":"a","tags":null})").value(), Names{});
  EXPECT_EQ(parse_tag_list(R"({"name":"a"})").value(), Names{});
  for (const char* bad : {"", "[]", "<html>", R"({"tags":{}})", R"({"tags":["a")"}) {
    EXPECT_EQ(parse_tag_list(bad).error().code(), ErrorCode::corrupt) << bad;
  }
}

TEST(Paging, cuts_a_page_to_what_was_asked) {
  struct Row {
    const char* name;
    Names came;
    const char* last;
    bool is_next_named;
    Names want;
    bool has_more;
  };
  const std::vector<Row> rows{
      {"whole", {"a", "b"}, "", false, {"a", "b"}, false},
      {"more is named", {"a", "b"}, "", true, {"a", "b"}, true},
      {"limit was ignored", {"a", "b", "c"}, "", false, {"a", "b"}, true},
      {"last was ignored", {"a", "b", "c", "d"}, "b", false, {"c", "d"}, false},
      {"both were ignored", {"a", "b", "c", "d"}, "a", false, {"b", "c"}, true},
      {"the end of an ignored last", {"a", "b"}, "b", true, {}, false},
      {"nothing, and a link in a circle", {}, "b", true, {}, false},
  };
  for (const Row& row : rows) {
    const auto page = page_of(row.came, row.last, 2, row.is_next_named);
    EXPECT_EQ(page.tags, row.want) << row.name;
    EXPECT_EQ(page.has_more, row.has_more) << row.name;
  }
}

TEST(Paging, believes_only_the_query_of_a_link) {
  EXPECT_EQ(next_query(R"(</v2/a/tags/list?last=b&n=2>; rel="next")"), "last=b&n=2");
  EXPECT_EQ(next_query(R"(<https://evil.example/x?n=2#f>; rel=next)"), "n=2");
  EXPECT_EQ(next_query(R"(</a?p=1>; rel="prev", </a?p=3>; rel="next")"), "p=3");
  for (const char* bad : {"", "<", "</a?b", R"(</a>; rel="next")", R"(</a?>; rel="next")", R"(</a?b=1>; rel="last")",
                          "</a?b=1 2>; rel=next"}) {
    EXPECT_EQ(next_query(bad), std::nullopt) << bad;
  }
}

TEST(Failover, tells_what_matters_most) {
  using enum ErrorCode;
  struct Row {
    const char* name;
    std::vector<ErrorCode> failures;
    ErrorCode want;
  };
  const std::vector<Row> rows{
      {"all say so", {not_found, not_found}, not_found},
      {"an outage may hide it", {not_found, unavailable}, unavailable},
      {"an outage first", {timed_out, not_found}, timed_out},
      {"the first outage", {timed_out, unavailable}, timed_out},
      {"credentials over not found", {not_found, unauthorized}, unauthorized},
      {"an outage over credentials", {denied, unavailable}, unavailable},
      {"a limit over credentials", {unauthorized, too_many}, too_many},
      {"lies over not found", {not_found, corrupt}, corrupt},
      {"stopping", {unavailable, cancelled}, cancelled},
  };
  for (const Row& row : rows) {
    std::vector<Error> failures;
    for (const ErrorCode code : row.failures) failures.emplace_back(code, std::string(to_string(code)) + " said");
    const Error error = most_telling(failures);
    EXPECT_EQ(error.code(), row.want) << row.name;
    for (const Error& failure : failures) EXPECT_TRUE(error.message().contains(failure.message())) << row.name;
  }
}

TEST(Failover, leaves_time_for_the_endpoints_behind) {
  const SteadyTime now{std::chrono::seconds(100)};
  const SteadyTime deadline = now + std::chrono::seconds(6);
  EXPECT_EQ(share_of(now, deadline, 1), deadline);
  EXPECT_EQ(share_of(now, deadline, 3), now + std::chrono::seconds(2));
  EXPECT_EQ(share_of(deadline, now, 3), now);
}

}  // namespace
}  // namespace lifeboat::upstream
