#include "upstream/bandwidth.h"

#include <gtest/gtest.h>

namespace lifeboat::upstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Bandwidth, makes_bytes_wait_for_those_before_them) {
  Bandwidth cap(1000);
  const SteadyTime start{seconds(100)};
  EXPECT_EQ(cap.reserve(500, start), start);
  EXPECT_EQ(cap.reserve(1000, start), start + milliseconds(500));
  EXPECT_EQ(cap.reserve(1, start + milliseconds(600)), start + milliseconds(1500));
}

TEST(Bandwidth, saves_nothing_up_in_a_pause) {
  Bandwidth cap(1000);
  const SteadyTime start{seconds(100)};
  EXPECT_EQ(cap.reserve(1000, start), start);
  const SteadyTime later = start + seconds(60);
  EXPECT_EQ(cap.reserve(1000, later), later);
  EXPECT_EQ(cap.reserve(1000, later), later + seconds(1));
}

TEST(Bandwidth, is_without_a_bound_at_0) {
  Bandwidth cap(0);
  const SteadyTime start{seconds(100)};
  EXPECT_EQ(cap.reserve(1'000'000'000, start), start);
  EXPECT_EQ(cap.reserve(1'000'000'000, start), start);
}

}  // namespace
}  // namespace lifeboat::upstream
