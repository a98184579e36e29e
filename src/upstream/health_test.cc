#include "upstream/health.h"

#include <gtest/gtest.h>

namespace lifeboat::upstream {
namespace {

using std::chrono::seconds;

class SetClock final : public sys::Clock {
 public:
  SteadyTime now() const override { return now_; }
  WallTime wall() const override { return WallTime(std::chrono::floor<Duration>(now_.time_since_epoch())); }
  Awaitable<void> sleep_until(SteadyTime time) override {
    now_ = std::max(now_, time);
    co_return;
  }
  void pass(Duration duration) { now_ += duration; }

 private:
  SteadyTime now_{seconds(1000)};
};

class HealthTest : public ::testing::Test {
 protected:
  void fail_times(int count) {
    for (int i = 0; i < count; ++i) {
      auto permit = health_.admit();
      if (permit) permit->report_outage(Health::Outage::broken, "503");
    }
  }
  /// How long it is left alone, to 100 ms; then a probe fails.
  Duration pause() {
    Duration passed{0};
    while (true) {
      EXPECT_FALSE(health_.admit());
      if (auto probe = health_.admit_probe()) {
        probe->report_outage(Health::Outage::broken, "503");
        return passed;
      }
      clock_.pass(Duration(100));
      passed += Duration(100);
      if (passed > std::chrono::minutes(5)) return passed;
    }
  }

  SetClock clock_;
  Log log_{{.level = LogLevel::error}};
  sys::Metrics metrics_;
  sys::Notification opened_;
  Health health_{{clock_, log_, metrics_, opened_}, "endpoint", "r.example", {}, 7};
};

TEST_F(HealthTest, opens_after_consecutive_outages_only) {
  fail_times(2);
  health_.admit()->report_answer();
  fail_times(2);
  EXPECT_EQ(health_.state(), Health::State::closed);
  fail_times(1);
  EXPECT_EQ(health_.state(), Health::State::open);
  const auto refused = health_.admit();
  EXPECT_EQ(refused.error().code(), ErrorCode::unavailable);
  EXPECT_TRUE(refused.error().message().contains("503"));
  EXPECT_TRUE(metrics_.render().contains("lifeboat_upstream_breaker_state{host=\"r.example\",kind=\"endpoint\"} 2"));
}

TEST_F(HealthTest, opens_for_content_that_fails_between_signs_of_life) {
  fail_times(1);
  health_.admit(Health::Asking::sign_of_life)->report_answer();
  fail_times(1);
  EXPECT_TRUE(health_.is_failing());
  health_.admit(Health::Asking::sign_of_life)->report_too_many(Duration(0));
  EXPECT_EQ(health_.state(), Health::State::closed);
  fail_times(1);
  EXPECT_EQ(health_.state(), Health::State::open) << "heads that are fine made good for content that is not";
  clock_.pass(seconds(1));
  health_.admit_probe()->report_answer();
  EXPECT_EQ(health_.state(), Health::State::closed) << "a probe asks for a sign of life";
  fail_times(2);
  EXPECT_EQ(health_.state(), Health::State::closed) << "what was before the probe counts no more";
}

TEST_F(HealthTest, forgives_signs_of_life_that_failed_for_any_that_came) {
  const auto lifeless = [&] {
    health_.admit(Health::Asking::sign_of_life)->report_outage(Health::Outage::broken, "503");
  };
  for (int i = 0; i < 5; ++i) {
    lifeless();
    lifeless();
    health_.admit(Health::Asking::sign_of_life)->report_answer();
  }
  EXPECT_EQ(health_.state(), Health::State::closed);
  lifeless();
  fail_times(1);
  lifeless();
  EXPECT_EQ(health_.state(), Health::State::open) << "three of either kind, and nothing between them";
}

TEST_F(HealthTest, opens_at_once_when_it_cannot_be_reached) {
  const uint64_t seen = opened_.version();
  health_.admit()->report_outage(Health::Outage::unreachable, "connect: timed out");
  EXPECT_EQ(health_.state(), Health::State::open);
  EXPECT_NE(opened_.version(), seen) << "who probes was not told";
}

TEST_F(HealthTest, lets_no_client_through_before_a_probe_was_answered) {
  fail_times(3);
  EXPECT_FALSE(health_.admit_probe()) << "before the pause has passed";
  clock_.pass(seconds(1));
  EXPECT_LE(health_.next_probe(), clock_.now());
  EXPECT_FALSE(health_.admit());
  auto probe = health_.admit_probe();
  ASSERT_TRUE(probe);
  EXPECT_EQ(health_.state(), Health::State::half_open);
  EXPECT_FALSE(health_.admit());
  EXPECT_FALSE(health_.admit_probe()) << "a second probe";
  EXPECT_EQ(health_.next_probe(), SteadyTime::max());
  probe->report_answer();
  EXPECT_EQ(health_.state(), Health::State::closed);
  EXPECT_TRUE(health_.admit());
}

TEST_F(HealthTest, probes_again_after_a_pause_when_a_probe_found_nothing_out) {
  fail_times(3);
  clock_.pass(seconds(1));
  {
    const auto probe = health_.admit_probe();
    ASSERT_TRUE(probe);
  }
  EXPECT_EQ(health_.state(), Health::State::open);
  EXPECT_FALSE(health_.admit_probe()) << "at once: that would be a busy loop";
  clock_.pass(seconds(2));
  EXPECT_TRUE(health_.admit_probe());
}

TEST_F(HealthTest, pauses_longer_each_time_up_to_the_cap) {
  fail_times(3);
  Duration full = seconds(1);
  for (int i = 0; i < 10; ++i) {
    const Duration passed = pause();
    EXPECT_GE(passed, full / 2) << i;
    EXPECT_LE(passed, full + Duration(100)) << i;
    full = std::min<Duration>(full * 2, seconds(30));
  }
}

TEST_F(HealthTest, pauses_longer_when_bodies_break_off_behind_heads_that_are_fine) {
  const auto stall_until_open = [&] {
    int stalls = 0;
    while (health_.state() == Health::State::closed && stalls < 10) {
      health_.admit()->report_answer();  // its head
      health_.report_late_outage("stalled");
      ++stalls;
    }
    return stalls;
  };
  const auto length_of_pause = [&] { return health_.next_probe() - clock_.now(); };
  const auto close_by_probe = [&] {
    clock_.pass(std::chrono::ceil<Duration>(length_of_pause()));
    health_.admit_probe()->report_answer();
    EXPECT_EQ(health_.state(), Health::State::closed);
  };
  EXPECT_EQ(stall_until_open(), 3);
  EXPECT_LE(length_of_pause(), seconds(1));
  close_by_probe();
  EXPECT_EQ(stall_until_open(), 1) << "no body had come whole";
  EXPECT_GE(length_of_pause(), seconds(1));
  close_by_probe();
  EXPECT_EQ(stall_until_open(), 1);
  EXPECT_GE(length_of_pause(), seconds(2));
  close_by_probe();
  health_.report_body();
  EXPECT_EQ(stall_until_open(), 3) << "a body had come whole";
  EXPECT_LE(length_of_pause(), seconds(1));
  close_by_probe();
  clock_.pass(seconds(30));
  health_.admit()->report_answer();
  EXPECT_EQ(stall_until_open(), 3) << "nothing was wrong for half a minute";
}

TEST_F(HealthTest, tells_all_of_it_at_once) {
  EXPECT_EQ(health_.snapshot(), (Health::Snapshot{.next_probe = SteadyTime::max()}));
  fail_times(3);
  const Health::Snapshot open = health_.snapshot();
  EXPECT_EQ(open.state, Health::State::open);
  EXPECT_EQ(open.reason, "503");
  EXPECT_EQ(open.next_probe, health_.next_probe());
  clock_.pass(seconds(1));
  health_.admit_probe()->report_too_many(seconds(5));
  EXPECT_EQ(health_.snapshot().limited_until, clock_.now() + seconds(5));
}

TEST_F(HealthTest, ignores_late_answers_of_what_was_asked_before_it_opened) {
  auto before = health_.admit();
  fail_times(3);
  before->report_answer();
  EXPECT_EQ(health_.state(), Health::State::open);
}

TEST_F(HealthTest, does_not_ask_before_a_rate_limit_has_passed) {
  health_.admit()->report_too_many(seconds(5));
  EXPECT_EQ(health_.state(), Health::State::closed);
  EXPECT_EQ(health_.admit().error().code(), ErrorCode::too_many);
  clock_.pass(seconds(4));
  EXPECT_FALSE(health_.admit());
  clock_.pass(seconds(1));
  EXPECT_TRUE(health_.admit());
}

}  // namespace
}  // namespace lifeboat::upstream
