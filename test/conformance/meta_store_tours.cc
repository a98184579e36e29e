#include "test/conformance/meta_store_suite.h"

namespace lifeboat::test {
namespace {

WallTime at(int64_t ms) { return WallTime(Duration(ms)); }

}  // namespace

TEST_P(MetaStoreSuite, knows_no_tour_that_was_never_noted) {
  tours().note("scrub", {.position = "sha256:ab", .started = at(100)});
  EXPECT_FALSE(run(tours().find(call(), "probe")).value());
}

TEST_P(MetaStoreSuite, gives_a_tour_as_it_was_noted_last) {
  tours().note("scrub", {.position = "sha256:ab", .started = at(100)});
  tours().note("probe", {.position = "other", .started = at(150), .finished = at(140)});
  const auto under_way = run(tours().find(call(), "scrub")).value();
  ASSERT_TRUE(under_way);
  EXPECT_EQ(under_way->position, "sha256:ab");
  EXPECT_EQ(under_way->started, at(100));
  EXPECT_EQ(under_way->finished, std::nullopt);

  tours().note("scrub", {.position = "", .finished = at(200)});
  const auto ended = run(tours().find(call(), "scrub")).value();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->position, "");
  EXPECT_EQ(ended->started, std::nullopt);
  EXPECT_EQ(ended->finished, at(200));
  EXPECT_EQ(run(tours().find(call(), "probe")).value()->position, "other") << "each name is a tour of its own";
}

}  // namespace lifeboat::test
