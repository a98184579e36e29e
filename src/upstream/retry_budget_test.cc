#include "upstream/retry_budget.h"

#include <gtest/gtest.h>

#include "test/support/manual_clock.h"

namespace lifeboat::upstream {
namespace {

using std::chrono::seconds;

class RetryBudgetTest : public ::testing::Test {
 protected:
  int take_all() {
    int taken = 0;
    while (budget_.take()) ++taken;
    return taken;
  }
  void ask(int times) {
    for (int i = 0; i < times; ++i) budget_.note_request();
  }

  test::ManualClock clock_;
  RetryBudget budget_{clock_, {.percent = 20, .least = 10}};
};

TEST_F(RetryBudgetTest, allows_a_few_without_any_request) {
  EXPECT_EQ(take_all(), 10);
  clock_.advance(seconds(5));
  EXPECT_EQ(take_all(), 0) << "the window has not passed";
  clock_.advance(seconds(5));
  EXPECT_EQ(take_all(), 10);
}

TEST_F(RetryBudgetTest, allows_a_share_of_the_requests_of_the_last_ten_seconds) {
  ask(100);
  EXPECT_EQ(take_all(), 30);
  clock_.advance(seconds(9));
  ask(50);
  EXPECT_EQ(take_all(), 10);
  clock_.advance(seconds(1));
  EXPECT_EQ(take_all(), 10) << "the first hundred and what was taken of them have expired: 10 + 10 of 50, less 10";
}

TEST_F(RetryBudgetTest, gives_back_what_was_not_used) {
  EXPECT_EQ(take_all(), 10);
  budget_.give_back();
  EXPECT_EQ(take_all(), 1);
}

TEST_F(RetryBudgetTest, forgets_what_is_long_ago) {
  ask(1000);
  clock_.advance(std::chrono::hours(1));
  EXPECT_EQ(take_all(), 10);
}

}  // namespace
}  // namespace lifeboat::upstream
