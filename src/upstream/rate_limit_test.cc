#include "upstream/rate_limit.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "test/support/manual_clock.h"
#include "upstream/rate_budget.h"

namespace lifeboat::upstream {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using Fields = std::vector<std::pair<std::string, std::string>>;

sys::HttpFields fields_of(const Fields& all) {
  sys::HttpFields fields;
  for (const auto& [name, value] : all) fields.add(name, value);
  return fields;
}

TEST(RateLimit, is_read_in_every_form_seen_in_the_field) {
  const WallTime now(Duration(1'700'000'000'000));
  const struct {
    std::string name;
    Fields fields;
    std::optional<RateLimit> want;
  } rows[] = {
      {"Docker Hub",
       {{"ratelimit-limit", "100;w=21600"}, {"ratelimit-remaining", "76;w=21600"}},
       RateLimit{.remaining = 76, .limit = 100, .window = hours(6)}},
      {"Docker Hub, used up",
       {{"ratelimit-limit", "100;w=21600"}, {"ratelimit-remaining", "0;w=21600"}},
       RateLimit{.remaining = 0, .limit = 100, .window = hours(6)}},
      {"drafts until -06",
       {{"RateLimit-Limit", "10, 10;w=60, 500;w=3600"}, {"RateLimit-Remaining", "9"}, {"RateLimit-Reset", "30"}},
       RateLimit{.remaining = 9, .limit = 10, .window = seconds(60), .resets = seconds(30)}},
      {"GitLab, whose reset is a time",
       {{"RateLimit-Limit", "500"}, {"RateLimit-Remaining", "499"}, {"RateLimit-Reset", "1700000060"}},
       RateLimit{.remaining = 499, .limit = 500, .resets = seconds(60)}},
      {"GitHub",
       {{"X-RateLimit-Limit", "5000"}, {"X-RateLimit-Remaining", "4987"}, {"X-RateLimit-Reset", "1700000001"}},
       RateLimit{.remaining = 4987, .limit = 5000, .resets = seconds(1)}},
      {"a time in milliseconds",
       {{"X-RateLimit-Remaining", "1"}, {"X-RateLimit-Reset", "1700000002000"}},
       RateLimit{.remaining = 1, .resets = seconds(2)}},
      {"a time that has passed",
       {{"X-RateLimit-Remaining", "1"}, {"X-RateLimit-Reset", "1600000000"}},
       RateLimit{.remaining = 1, .resets = seconds(0)}},
      {"draft -07",
       {{"RateLimit", "limit=100, remaining=50, reset=5"}, {"RateLimit-Policy", "100;w=10"}},
       RateLimit{.remaining = 50, .limit = 100, .window = seconds(10), .resets = seconds(5)}},
      {"since draft -08",
       {{"RateLimit", "\"a, b\";r=50;t=30"}, {"RateLimit-Policy", "\"a, b\";q=100;w=60"}},
       RateLimit{.remaining = 50, .limit = 100, .window = seconds(60), .resets = seconds(30)}},
      {"the least of several",
       {{"RateLimit", "\"hour\";r=900;t=3000, \"minute\";r=2;t=30"},
        {"RateLimit-Policy", "\"hour\";q=1000;w=3600, \"minute\";q=10;w=60"}},
       RateLimit{.remaining = 2, .limit = 10, .window = seconds(60), .resets = seconds(30)}},
      {"a fraction", {{"RateLimit-Remaining", "7"}, {"RateLimit-Reset", "1.5"}}, RateLimit{7, {}, {}, seconds(1)}},
      {"longer than a day", {{"RateLimit-Remaining", "7;w=999999999"}}, RateLimit{7, {}, hours(24), {}}},
      {"nothing", {}, std::nullopt},
      {"only the limit", {{"RateLimit-Limit", "100"}}, std::nullopt},
      {"no number", {{"RateLimit-Remaining", "many"}, {"X-RateLimit-Remaining", "-1"}}, std::nullopt},
      {"too large", {{"RateLimit-Remaining", "99999999999999999999999"}}, std::nullopt},
      {"open quotes", {{"RateLimit", "\"a;r=1"}}, std::nullopt},
  };
  for (const auto& row : rows) EXPECT_EQ(rate_limit_of(fields_of(row.fields), now), row.want) << row.name;
}

TEST(RateLimit, is_short_at_the_floor_and_below) {
  const struct {
    uint64_t remaining;
    std::optional<uint64_t> limit;
    RateFloor floor;
    bool want;
  } rows[] = {
      {11, 100, {}, false},
      {10, 100, {}, true},
      {0, 100, {}, true},
      {6, 20, {}, false},
      {5, 20, {}, true},
      {6, {}, {}, false},
      {5, {}, {}, true},
      {30, 100, {.percent = 30}, true},
      {0, 100, {.percent = 0}, false},
      {UINT64_MAX / 10, UINT64_MAX, {}, true},
  };
  for (const auto& row : rows) {
    const RateLimit rate{.remaining = row.remaining, .limit = row.limit};
    EXPECT_EQ(is_short(rate, row.floor), row.want)
        << row.remaining << " of " << row.limit.value_or(0) << " at " << row.floor.percent << " %";
  }
}

class RateBudgetTest : public ::testing::Test {
 protected:
  void learn(const Fields& fields) { budget_.learn(fields_of(fields)); }

  test::ManualClock clock_;
  Log log_{{.level = LogLevel::error}};
  sys::Metrics metrics_;
  RateBudget budget_{{clock_, log_, metrics_}, "r.example", {}};
};

TEST_F(RateBudgetTest, knows_nothing_before_it_was_told) {
  learn({{"Content-Type", "application/json"}});
  EXPECT_FALSE(budget_.is_short());
  EXPECT_FALSE(budget_.known());
  EXPECT_FALSE(metrics_.render().contains("rate_limit"));
}

TEST_F(RateBudgetTest, is_short_until_it_is_told_otherwise) {
  learn({{"RateLimit-Limit", "100;w=21600"}, {"RateLimit-Remaining", "9;w=21600"}});
  EXPECT_TRUE(budget_.is_short());
  EXPECT_TRUE(metrics_.render().contains("lifeboat_upstream_rate_limit_remaining{host=\"r.example\"} 9"));
  EXPECT_TRUE(metrics_.render().contains("lifeboat_upstream_rate_limit_limit{host=\"r.example\"} 100"));
  learn({});
  EXPECT_TRUE(budget_.is_short()) << "an answer that tells nothing takes nothing back";
  learn({{"RateLimit-Limit", "100;w=21600"}, {"RateLimit-Remaining", "90;w=21600"}});
  EXPECT_FALSE(budget_.is_short());
}

TEST_F(RateBudgetTest, believes_what_it_was_told_until_the_window_begins_anew) {
  learn({{"RateLimit-Remaining", "0;w=60"}, {"RateLimit-Reset", "20"}});
  clock_.advance(seconds(19));
  EXPECT_TRUE(budget_.is_short());
  clock_.advance(seconds(1));
  EXPECT_FALSE(budget_.is_short()) << "behind the reset";
  EXPECT_FALSE(budget_.known());
  learn({{"RateLimit-Remaining", "0;w=60"}});
  clock_.advance(seconds(59));
  EXPECT_TRUE(budget_.is_short());
  clock_.advance(seconds(1));
  EXPECT_FALSE(budget_.is_short()) << "behind the window";
}

}  // namespace
}  // namespace lifeboat::upstream
