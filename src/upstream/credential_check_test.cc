#include "upstream/credential_check.h"

#include <gtest/gtest.h>

#include "test/support/manual_clock.h"

namespace lifeboat::upstream {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using Verdict = CredentialState::Verdict;

class CredentialCheckTest : public ::testing::Test {
 protected:
  void check(Verdict verdict) {
    clock_.advance(std::max(Duration(0), std::chrono::ceil<Duration>(check_.next() - clock_.now())));
    ASSERT_TRUE(check_.begin());
    check_.end({.verdict = verdict});
  }
  bool shows(std::string_view state, int value) const {
    return metrics_.render().contains("lifeboat_upstream_credential_state{host=\"r.example\",state=\"" +
                                      std::string(state) + "\"} " + std::to_string(value));
  }

  test::ManualClock clock_;
  Log log_{{.level = LogLevel::error}};
  sys::Metrics metrics_;
  sys::Notification due_;
  CredentialCheck check_{{clock_, log_, metrics_, due_}, "r.example", minutes(5), 7};
};

TEST_F(CredentialCheckTest, is_due_at_once_and_then_every_so_often) {
  EXPECT_LE(check_.next(), clock_.now());
  for (int i = 0; i < 20; ++i) {
    check(Verdict::works);
    EXPECT_FALSE(check_.begin());
    EXPECT_GE(check_.next() - clock_.now(), seconds(270)) << i;
    EXPECT_LE(check_.next() - clock_.now(), seconds(330)) << i;
  }
}

TEST_F(CredentialCheckTest, runs_once_at_a_time_and_again_after_one_that_was_dropped) {
  ASSERT_TRUE(check_.begin());
  EXPECT_FALSE(check_.begin());
  EXPECT_EQ(check_.next(), SteadyTime::max());
  check_.abandon();
  EXPECT_NE(check_.next(), SteadyTime::max());
  EXPECT_GT(check_.next(), clock_.now()) << "at once: that would be a busy loop";
}

TEST_F(CredentialCheckTest, never_runs_when_it_is_switched_off) {
  CredentialCheck off({clock_, log_, metrics_, due_}, "r.example", Duration(0), 7);
  EXPECT_EQ(off.next(), SteadyTime::max());
  EXPECT_FALSE(off.begin());
  off.doubt(false);
  EXPECT_EQ(off.state().verdict, Verdict::rejected) << "what requests find out is all there is to know";
}

TEST_F(CredentialCheckTest, shows_what_holds) {
  check(Verdict::works);
  EXPECT_TRUE(shows("works", 1) && shows("rejected", 0) && shows("cannot_tell", 0)) << metrics_.render();
  check(Verdict::rejected);
  EXPECT_TRUE(shows("works", 0) && shows("rejected", 1)) << metrics_.render();
}

TEST_F(CredentialCheckTest, tries_a_refused_login_no_oftener_for_requests_that_are_refused) {
  check(Verdict::works);
  check_.doubt(false);
  check(Verdict::rejected);
  const SteadyTime planned = check_.next();
  EXPECT_GE(planned - clock_.now(), seconds(270));
  for (int i = 0; i < 20; ++i) {
    clock_.advance(seconds(5));
    check_.doubt(false);
    EXPECT_EQ(check_.next(), planned) << "every five seconds: whoever tries a refused login so often is locked out";
  }
}

TEST_F(CredentialCheckTest, is_due_sooner_when_a_request_says_otherwise) {
  check(Verdict::works);
  check_.doubt(true);
  EXPECT_GT(check_.next() - clock_.now(), minutes(4)) << "it says the same";
  const uint64_t seen = due_.version();
  check_.doubt(false);
  EXPECT_EQ(check_.next() - clock_.now(), seconds(5)) << "not at once: it may have been the one request";
  EXPECT_NE(due_.version(), seen) << "who checks was not told";
  check(Verdict::rejected);
  clock_.advance(seconds(40));
  check_.doubt(true);
  EXPECT_LE(check_.next(), clock_.now());
  check(Verdict::rejected);
  clock_.advance(seconds(40));
  check_.doubt(true);
  EXPECT_GT(check_.next() - clock_.now(), minutes(3)) << "what was confirmed is not tried again and again";
}

}  // namespace
}  // namespace lifeboat::upstream
