#include "registry/freshness.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace lifeboat::registry {
namespace {

using std::chrono::seconds;

const WallTime kNow{std::chrono::milliseconds(1'700'000'000'000)};

HeldTag checked_ago(seconds age) { return {kNow - age, false}; }
HeldTag gone_ago(seconds age) { return {kNow - age, true, kNow - age}; }

TEST(Freshness, decides_before_asking) {
  const FreshnessPolicy policy{.fresh_for = seconds(60), .max_stale = std::nullopt};
  struct Row {
    const char* name;
    std::optional<HeldTag> held;
    BeforeAsking want;
    bool is_short = false;
  };
  const std::vector<Row> rows{
      {"nothing held", std::nullopt, BeforeAsking::fetch},
      {"confirmed just now", checked_ago(seconds(0)), BeforeAsking::serve},
      {"one second before the window ends", checked_ago(seconds(59)), BeforeAsking::serve},
      {"at the window's end", checked_ago(seconds(60)), BeforeAsking::revalidate},
      {"long ago", checked_ago(seconds(86400)), BeforeAsking::revalidate},
      {"gone, said lately", gone_ago(seconds(10)), BeforeAsking::serve_gone},
      {"gone, said long ago: it may be back", gone_ago(seconds(61)), BeforeAsking::revalidate},
      {"checked in the future: the clock was set back", checked_ago(seconds(-30)), BeforeAsking::revalidate},
      {"few requests are left, and it is fresh", checked_ago(seconds(59)), BeforeAsking::serve, true},
      {"few requests are left: it can wait", checked_ago(seconds(60)), BeforeAsking::serve_late, true},
      {"few are left: it has waited for long", checked_ago(seconds(600)), BeforeAsking::revalidate, true},
      {"few are left, and nothing is held", std::nullopt, BeforeAsking::fetch, true},
      {"few are left, and the clock was set back", checked_ago(seconds(-30)), BeforeAsking::revalidate, true},
  };
  for (const Row& row : rows) EXPECT_EQ(before_asking(row.held, kNow, policy, row.is_short), row.want) << row.name;
}

TEST(Freshness, decides_after_a_failure_with_a_copy_in_hand) {
  using Kind = AfterFailure::Kind;
  const FreshnessPolicy forever{.fresh_for = seconds(60), .max_stale = std::nullopt};
  struct Row {
    const char* name;
    ErrorCode failure;
    Kind kind;
    const char* reason;
  };
  const std::vector<Row> rows{
      {"refused or 5xx", ErrorCode::unavailable, Kind::serve_stale, "unavailable"},
      {"black hole", ErrorCode::timed_out, Kind::serve_stale, "timeout"},
      {"401", ErrorCode::unauthorized, Kind::serve_stale, "credential"},
      {"403", ErrorCode::denied, Kind::serve_stale, "credential"},
      {"429", ErrorCode::too_many, Kind::serve_stale, "rate-limited"},
      {"HTML or wrong bytes", ErrorCode::corrupt, Kind::serve_stale, "wrong-content"},
      {"404: deleted upstream is not deleted here", ErrorCode::not_found, Kind::serve_gone, "gone"},
      {"our own disk", ErrorCode::no_space, Kind::serve_stale, "unavailable"},
  };
  for (const Row& row : rows) {
    const AfterFailure after = after_failure(checked_ago(seconds(86400)), row.failure, kNow, forever);
    EXPECT_EQ(after.kind, row.kind) << row.name;
    EXPECT_EQ(after.reason, row.reason) << row.name;
  }
}

TEST(Freshness, never_turns_an_outage_into_not_found) {
  const FreshnessPolicy policy;
  for (const ErrorCode code : {ErrorCode::unavailable, ErrorCode::timed_out, ErrorCode::unauthorized, ErrorCode::denied,
                               ErrorCode::too_many, ErrorCode::corrupt, ErrorCode::internal, ErrorCode::cancelled}) {
    EXPECT_EQ(after_failure(std::nullopt, code, kNow, policy).kind, AfterFailure::Kind::unavailable) << to_string(code);
  }
  EXPECT_EQ(after_failure(std::nullopt, ErrorCode::not_found, kNow, policy).kind, AfterFailure::Kind::not_found);
}

TEST(Freshness, relies_on_a_source_only_when_it_may_still_give_something) {
  for (const ErrorCode code : {ErrorCode::timed_out, ErrorCode::too_many, ErrorCode::not_found}) {
    EXPECT_TRUE(may_supply_the_rest(code)) << to_string(code);
  }
  for (const ErrorCode code : {ErrorCode::unavailable, ErrorCode::unauthorized, ErrorCode::denied, ErrorCode::corrupt,
                               ErrorCode::no_space, ErrorCode::cancelled, ErrorCode::internal}) {
    EXPECT_FALSE(may_supply_the_rest(code)) << to_string(code);
  }
}

TEST(Freshness, stretches_with_what_it_was) {
  EXPECT_EQ(stretched(seconds(0)), std::chrono::minutes(10));
  EXPECT_EQ(stretched(seconds(60)), std::chrono::minutes(10));
  EXPECT_EQ(stretched(std::chrono::hours(1)), std::chrono::hours(10));
  EXPECT_EQ(stretched(std::chrono::days(30)), std::chrono::days(30));
  EXPECT_EQ(stretched(Duration::max()), Duration::max());
}

TEST(Freshness, forgets_what_is_gone_where_the_operator_wants_that) {
  FreshnessPolicy policy;
  policy.drops_gone = true;
  EXPECT_EQ(before_asking(gone_ago(seconds(1)), kNow, policy, true), BeforeAsking::revalidate);
  EXPECT_EQ(before_asking(checked_ago(seconds(1)), kNow, policy, false), BeforeAsking::serve);
  EXPECT_EQ(after_failure(checked_ago(seconds(60)), ErrorCode::not_found, kNow, policy).kind,
            AfterFailure::Kind::not_found);
  EXPECT_EQ(after_failure(checked_ago(seconds(60)), ErrorCode::timed_out, kNow, policy).kind,
            AfterFailure::Kind::serve_stale)
      << "an outage is no deletion";
}

TEST(Freshness, refuses_a_copy_under_refused_credentials_where_the_operator_wants_that) {
  FreshnessPolicy policy;
  policy.serves_on_credential_fault = false;
  for (const ErrorCode code : {ErrorCode::unauthorized, ErrorCode::denied}) {
    EXPECT_EQ(after_failure(checked_ago(seconds(60)), code, kNow, policy).kind, AfterFailure::Kind::unavailable);
  }
  EXPECT_EQ(after_failure(checked_ago(seconds(60)), ErrorCode::unavailable, kNow, policy).kind,
            AfterFailure::Kind::serve_stale);
}

TEST(Freshness, counts_max_stale_of_a_tag_that_is_gone_from_when_it_was_last_there) {
  const FreshnessPolicy policy{.fresh_for = seconds(60), .max_stale = seconds(60)};
  const HeldTag asked_lately{.checked = kNow - seconds(1), .is_gone_upstream = true, .confirmed = kNow - seconds(121)};
  EXPECT_EQ(after_failure(asked_lately, ErrorCode::unavailable, kNow, policy).kind, AfterFailure::Kind::unavailable)
      << "each answer that it is gone made it good for another while";
  const HeldTag there_lately{.checked = kNow - seconds(1), .is_gone_upstream = true, .confirmed = kNow - seconds(120)};
  EXPECT_EQ(after_failure(there_lately, ErrorCode::unavailable, kNow, policy).kind, AfterFailure::Kind::serve_stale);
}

TEST(Freshness, stretches_no_further_than_max_stale) {
  const FreshnessPolicy policy{.fresh_for = seconds(60), .max_stale = seconds(60)};
  EXPECT_EQ(before_asking(checked_ago(seconds(120)), kNow, policy, true), BeforeAsking::serve_late);
  EXPECT_EQ(before_asking(checked_ago(seconds(121)), kNow, policy, true), BeforeAsking::revalidate);
}

TEST(Freshness, does_not_confirm_all_tags_at_the_same_time) {
  const oci::RepositoryId repository{std::nullopt, oci::Repository::parse("team/app").value()};
  std::set<Duration> windows;
  for (int number = 0; number < 200; ++number) {
    const auto tag = oci::Tag::parse("v" + std::to_string(number)).value();
    const Duration window = window_of(seconds(60), repository, tag, kNow);
    EXPECT_EQ(window, window_of(seconds(60), repository, tag, kNow)) << "the same for every pull";
    EXPECT_LE(window, seconds(60)) << "never longer than was promised";
    EXPECT_GE(window, window_min(seconds(60)));
    windows.insert(window);
  }
  EXPECT_EQ(window_min(seconds(60)), seconds(54));
  EXPECT_GT(windows.size(), 10U);
  EXPECT_EQ(window_of(Duration(0), repository, oci::Tag::parse("v1").value(), kNow), Duration(0));
}

TEST(Freshness, stops_serving_a_copy_older_than_max_stale) {
  const FreshnessPolicy policy{.fresh_for = seconds(60), .max_stale = seconds(600)};
  using Kind = AfterFailure::Kind;
  EXPECT_EQ(after_failure(checked_ago(seconds(660)), ErrorCode::timed_out, kNow, policy).kind, Kind::serve_stale);
  EXPECT_EQ(after_failure(checked_ago(seconds(661)), ErrorCode::timed_out, kNow, policy).kind, Kind::unavailable);
}

}  // namespace
}  // namespace lifeboat::registry
