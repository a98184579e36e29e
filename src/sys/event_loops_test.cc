#include "sys/event_loops.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "sys/clock.h"
#include "sys/notification.h"
#include "sys/thread_pool.h"

namespace lifeboat::sys {
namespace {

std::string this_thread_name() {
  char name[16] = {};
  pthread_getname_np(pthread_self(), name, sizeof name);
  return name;
}

Awaitable<void> note_thread(std::thread::id& thread) {
  thread = std::this_thread::get_id();
  co_return;
}

Awaitable<void> count_up(std::atomic<int>& count) {
  ++count;
  co_return;
}

Awaitable<void> join_and_stop(TaskGroup& group, EventLoops& loops) {
  co_await group.join();
  loops.stop();
}

TEST(EventLoops, runs_its_first_loop_on_the_calling_thread) {
  EventLoops loops(2);
  std::thread::id thread;
  loops.spawn(0, note_thread(thread));
  loops.post(0, [&] { loops.stop(); });
  loops.run();
  EXPECT_EQ(thread, std::this_thread::get_id());
}

TEST(EventLoops, names_the_threads_of_the_other_loops) {
  EventLoops loops(3);
  std::mutex mutex;
  std::set<std::string> names;
  const auto note = [&] {
    const std::lock_guard lock(mutex);
    names.insert(this_thread_name());
    if (names.size() == 2) loops.stop();
  };
  loops.post(1, note);
  loops.post(2, note);
  loops.run();
  EXPECT_EQ(names, (std::set<std::string>{"loop-1", "loop-2"}));
}

/// Waits forever, and says when it is destroyed.
Awaitable<void> wait_forever(Clock& clock, std::shared_ptr<int> witness) {
  co_await clock.sleep_until(SteadyTime::max());
  *witness = 1;
}

TEST(EventLoops, destroys_what_still_waits) {
  SystemClock clock;
  const auto witness = std::make_shared<int>(0);
  {
    EventLoops loops(2);
    loops.spawn(0, wait_forever(clock, witness));
    loops.spawn(1, wait_forever(clock, witness));
    loops.post(0, [&] { loops.stop(); });
    loops.run();
    EXPECT_GT(witness.use_count(), 1);
  }
  EXPECT_EQ(witness.use_count(), 1);
  EXPECT_EQ(*witness, 0);
}

TEST(TaskGroup, join_waits_for_all_work) {
  EventLoops loops(2);
  TaskGroup group(loops);
  ThreadPool pool("pool", 2);
  std::atomic<int> done = 0;
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(group.spawn(pool.run([&done] { ++done; })));
  loops.spawn(0, join_and_stop(group, loops));
  loops.run();
  EXPECT_EQ(done, 50);
  EXPECT_EQ(group.running(), 0U);
}

TEST(TaskGroup, refuses_work_once_it_is_joined) {
  EventLoops loops(1);
  TaskGroup group(loops);
  std::atomic<int> count = 0;
  loops.spawn(0, join_and_stop(group, loops));
  loops.run();
  EXPECT_FALSE(group.spawn(count_up(count)));
  EXPECT_EQ(count, 0);
}

TEST(TaskGroup, may_go_before_loops_that_stopped_early) {
  SystemClock clock;
  const auto witness = std::make_shared<int>(0);
  {
    EventLoops loops(1);
    TaskGroup group(loops);
    group.spawn(wait_forever(clock, witness));
    loops.spawn(0, join_and_stop(group, loops));
    loops.post(0, [&] { loops.stop(); });
    loops.run();
    EXPECT_EQ(group.running(), 1U);
  }
  EXPECT_EQ(witness.use_count(), 1);
}

TEST(SystemClock, sleeps_until_the_time) {
  EventLoops loops(1);
  SystemClock clock;
  const SteadyTime until = clock.now() + std::chrono::milliseconds(20);
  struct Sleeper {
    static Awaitable<void> run(Clock& clock, SteadyTime until, EventLoops& loops) {
      co_await clock.sleep_until(clock.now() - std::chrono::hours(1));
      co_await clock.sleep_until(until);
      loops.stop();
    }
  };
  loops.spawn(0, Sleeper::run(clock, until, loops));
  loops.run();
  EXPECT_GE(clock.now(), until);
}

}  // namespace
}  // namespace lifeboat::sys
