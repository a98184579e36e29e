#include "sys/thread_pool.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "sys/event_loops.h"

namespace lifeboat::sys {
namespace {

struct Seen {
  std::thread::id before, worker, after;
  std::unique_ptr<int> value;
};

Awaitable<void> look(ThreadPool& pool, Seen& seen, EventLoops& loops) {
  seen.before = std::this_thread::get_id();
  seen.value = co_await pool.run([&seen] {
    seen.worker = std::this_thread::get_id();
    return std::make_unique<int>(42);
  });
  seen.after = std::this_thread::get_id();
  loops.stop();
}

TEST(ThreadPool, runs_elsewhere_and_resumes_here) {
  EventLoops loops(2);
  ThreadPool pool("disk", 2);
  Seen seen;
  loops.spawn(1, look(pool, seen, loops));
  loops.run();
  EXPECT_EQ(seen.before, seen.after);
  EXPECT_NE(seen.before, seen.worker);
  EXPECT_EQ(*seen.value, 42);
}

TEST(ThreadPool, does_all_posted_work_before_it_stops) {
  std::atomic<int> count = 0;
  {
    ThreadPool pool("work", 3);
    for (int i = 0; i < 1000; ++i) pool.post([&count] { ++count; });
  }
  EXPECT_EQ(count, 1000);
}

TEST(ThreadPool, work_may_post_more_work_while_the_pool_stops) {
  std::atomic<int> count = 0;
  {
    ThreadPool pool("work", 2);
    pool.post([&] {
      ++count;
      pool.post([&count] { ++count; });
    });
  }
  EXPECT_EQ(count, 2);
}

TEST(ThreadPool, names_its_threads) {
  ThreadPool pool("fifteen-letters", 1);
  std::promise<std::string> name;
  pool.post([&name] {
    char text[16] = {};
    pthread_getname_np(pthread_self(), text, sizeof text);
    name.set_value(text);
  });
  EXPECT_EQ(name.get_future().get(), "fifteen-letters");
}

Awaitable<void> many(ThreadPool& pool, int count, std::atomic<int>& left, EventLoops& loops) {
  int sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await pool.run([i] { return i; });
  EXPECT_EQ(sum, count * (count - 1) / 2);
  if (--left == 0) loops.stop();
}

TEST(ThreadPool, serves_many_coroutines_of_many_loops) {
  EventLoops loops(3);
  ThreadPool pool("work", 3);
  std::atomic<int> left = 30;
  for (unsigned i = 0; i < 30; ++i) loops.spawn(i % 3, many(pool, 100, left, loops));
  loops.run();
  EXPECT_EQ(left, 0);
}

/// Waits for work that ends only when `gate` is opened.
Awaitable<void> wait_behind(ThreadPool& pool, std::shared_future<void> gate, std::shared_ptr<int> witness,
                            std::promise<void>& started) {
  std::string in_frame(100, 'x');
  co_await pool.run([&] {
    started.set_value();
    gate.wait();
    in_frame.push_back('y');
  });
  *witness = 1;
}

struct StoppedEarly : testing::TestWithParam<bool> {};

TEST_P(StoppedEarly, coroutine_in_the_pool_is_destroyed_in_peace) {
  const bool pool_goes_first = GetParam();
  const auto witness = std::make_shared<int>(0);
  std::promise<void> gate;
  const std::shared_future<void> opened = gate.get_future().share();
  std::promise<void> started;
  std::promise<void> never_started;

  auto loops = std::make_unique<EventLoops>(1);
  auto pool = std::make_unique<ThreadPool>("disk", 1);
  loops->spawn(0, wait_behind(*pool, opened, witness, started));
  loops->spawn(0, wait_behind(*pool, opened, witness, never_started));
  loops->post(0, [&] { loops->stop(); });
  loops->run();
  started.get_future().wait();
  std::thread opener([&gate] { gate.set_value(); });
  if (pool_goes_first) pool.reset();
  loops.reset();
  pool.reset();
  opener.join();
  EXPECT_EQ(witness.use_count(), 1);
  EXPECT_EQ(*witness, 0);
}

INSTANTIATE_TEST_SUITE_P(ThreadPool, StoppedEarly, testing::Bool(),
                         [](const auto& row) { return row.param ? "pool_first" : "loops_first"; });

}  // namespace
}  // namespace lifeboat::sys
