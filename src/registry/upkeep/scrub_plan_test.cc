#include "registry/upkeep/scrub_plan.h"

#include <gtest/gtest.h>

#include "test/support/blob_rig.h"

namespace lifeboat::registry {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using test::sha256_of;

TEST(Pace, gives_bytes_no_sooner_than_the_rate_says) {
  Pace pace(1000);
  const SteadyTime now{seconds(100)};
  EXPECT_EQ(pace.after(500, now), now + std::chrono::milliseconds(500));
  EXPECT_EQ(pace.after(500, now), now + seconds(1)) << "what was read too soon has to be waited for as well";
  EXPECT_EQ(pace.after(1000, now + seconds(50)), now + seconds(51)) << "time that passed unused is not made up for";
}

TEST(Pace, does_not_hold_up_who_has_no_rate) {
  Pace pace(0);
  const SteadyTime now{seconds(100)};
  EXPECT_EQ(pace.after(1ULL << 40U, now), now);
}

TEST(TourPosition, reads_what_it_writes) {
  const TourPosition begun{.began = sha256_of("a")};
  const TourPosition on{.began = sha256_of("a"), .last = sha256_of("b")};
  const TourPosition around{.began = sha256_of("a"), .last = sha256_of("b"), .has_come_around = true};
  for (const TourPosition& position : {begun, on, around}) {
    const auto read = TourPosition::parse(position.to_string());
    ASSERT_TRUE(read) << position.to_string();
    EXPECT_EQ(read->to_string(), position.to_string());
    EXPECT_EQ(read->last, position.last);
    EXPECT_EQ(read->has_come_around, position.has_come_around);
  }
  const std::string digest = sha256_of("a").to_string();
  for (const std::string& text : {std::string(), std::string("on"), digest, digest + " off", digest + " on x"}) {
    EXPECT_FALSE(TourPosition::parse(text)) << text;
  }
}

TEST(TourPosition, is_over_where_it_began_and_only_once_it_came_around) {
  const oci::Digest low = std::min(sha256_of("a"), sha256_of("b"));
  const oci::Digest high = std::max(sha256_of("a"), sha256_of("b"));
  TourPosition position{.began = low};
  EXPECT_FALSE(position.is_over_at(high));
  position.has_come_around = true;
  EXPECT_TRUE(position.is_over_at(high));
  EXPECT_FALSE(position.is_over_at(low)) << "the one it began behind comes last";
}

TEST(RepairPauses, grow_and_end) {
  EXPECT_EQ(pause_before_repair(0), minutes(1));
  EXPECT_EQ(pause_before_repair(1), minutes(1));
  EXPECT_EQ(pause_before_repair(2), minutes(5));
  EXPECT_EQ(pause_before_repair(5), hours(6));
  EXPECT_EQ(pause_before_repair(1'000'000), hours(6));
}

TEST(ScrubPlan, tries_what_was_put_off_for_longer_than_any_pause) {
  const WallTime now(Duration(1'700'000'000'000));
  const Duration longest = pause_before_repair(100);
  struct Row {
    const char* name;
    Duration ahead;
    bool is_due;
  };
  const Row rows[] = {
      {"long ago", std::chrono::hours(-9), true},
      {"now", Duration(0), true},
      {"soon", Duration(1), false},
      {"after the longest pause", longest, false},
      {"in a year: the clock was set back", std::chrono::days(365), true},
  };
  for (const Row& row : rows) EXPECT_EQ(is_repair_due(now + row.ahead, now), row.is_due) << row.name;
}

}  // namespace
}  // namespace lifeboat::registry
