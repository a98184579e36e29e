#include "sys/notification.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "sys/event_loops.h"

namespace lifeboat::sys {
namespace {

using std::chrono::milliseconds;

SteadyTime after(milliseconds time) { return std::chrono::steady_clock::now() + time; }

Awaitable<void> wait_once(Notification& changed, uint64_t seen, SteadyTime deadline, bool& result, EventLoops& loops) {
  result = co_await changed.wait(seen, deadline);
  loops.stop();
}

struct Row {
  const char* name;
  bool notifies;
  milliseconds deadline;
  bool expected;
};

class WaitTable : public testing::TestWithParam<Row> {};

TEST_P(WaitTable, tells_change_from_deadline) {
  EventLoops loops(1);
  Notification changed;
  const uint64_t seen = changed.version();
  if (GetParam().notifies) changed.notify_all();
  bool result = !GetParam().expected;
  loops.spawn(0, wait_once(changed, seen, after(GetParam().deadline), result, loops));
  loops.run();
  EXPECT_EQ(result, GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(Notification, WaitTable,
                         testing::Values(Row{"said_before_the_wait", true, milliseconds(60'000), true},
                                         Row{"said_before_a_deadline_that_passed", true, milliseconds(-1), true},
                                         Row{"not_said", false, milliseconds(5), false},
                                         Row{"not_said_and_deadline_passed", false, milliseconds(-1), false}),
                         [](const auto& row) { return row.param.name; });

Awaitable<void> follow(Notification& changed, std::atomic<int>& value, int until, std::atomic<int>& left,
                       EventLoops& loops) {
  for (;;) {
    const uint64_t seen = changed.version();
    if (value.load() >= until) break;
    EXPECT_TRUE(co_await changed.wait(seen, SteadyTime::max()));
  }
  if (--left == 0) loops.stop();
}

TEST(Notification, misses_nothing_from_any_thread) {
  EventLoops loops(3);
  Notification changed;
  std::atomic<int> value = 0;
  std::atomic<int> left = 12;
  for (unsigned i = 0; i < 12; ++i) loops.spawn(i % 3, follow(changed, value, 2000, left, loops));
  std::jthread first([&] {
    for (int i = 0; i < 1000; ++i) {
      ++value;
      changed.notify_all();
    }
  });
  std::jthread second([&] {
    for (int i = 0; i < 1000; ++i) {
      ++value;
      changed.notify_all();
    }
  });
  loops.run();
  EXPECT_EQ(left, 0);
}

Awaitable<void> wait_with(Notification& changed, std::shared_ptr<int> witness) {
  (void)co_await changed.wait(changed.version(), SteadyTime::max());
  *witness = 1;
}

struct GoesFirst : testing::TestWithParam<bool> {};

TEST_P(GoesFirst, waiters_of_stopped_loops_are_destroyed_in_peace) {
  const bool notification_goes_first = GetParam();
  const auto witness = std::make_shared<int>(0);
  auto loops = std::make_unique<EventLoops>(2);
  auto changed = std::make_unique<Notification>();
  for (unsigned i = 0; i < 6; ++i) loops->spawn(i % 2, wait_with(*changed, witness));
  loops->post(0, [&] { loops->post(1, [&] { loops->stop(); }); });
  loops->run();
  if (notification_goes_first) changed.reset();
  std::jthread notifier;
  if (!notification_goes_first) {
    notifier = std::jthread([&changed] {
      for (int i = 0; i < 100; ++i) changed->notify_all();
    });
  }
  loops.reset();
  EXPECT_EQ(witness.use_count(), 1);
  EXPECT_EQ(*witness, 0);
}

INSTANTIATE_TEST_SUITE_P(Notification, GoesFirst, testing::Bool(),
                         [](const auto& row) { return row.param ? "notification_first" : "loops_first"; });

}  // namespace
}  // namespace lifeboat::sys
