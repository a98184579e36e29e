#include "sys/metrics.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <thread>
#include <vector>

namespace lifeboat::sys {
namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, renders_nothing_before_anything_was_asked_for) { EXPECT_EQ(Metrics().render(), ""); }

TEST(Metrics, renders_each_kind_with_its_help_and_type) {
  Metrics metrics;
  metrics.counter("lifeboat_pull_requests_total", "Pulls answered.", {{"result", "hit"}}).add(3);
  metrics.gauge("lifeboat_store_bytes", "Bytes held.").set(12.5);
  metrics.histogram("lifeboat_pull_seconds", "Time to answer.").observe(0.003);
  const std::string text = metrics.render();
  for (const char* line : {
           "# HELP lifeboat_pull_requests_total Pulls answered.",
           "# TYPE lifeboat_pull_requests_total counter",
           "lifeboat_pull_requests_total{result=\"hit\"} 3",
           "# TYPE lifeboat_store_bytes gauge",
           "lifeboat_store_bytes 12.5",
           "# TYPE lifeboat_pull_seconds histogram",
           "lifeboat_pull_seconds_count 1",
           "lifeboat_pull_seconds_bucket{le=\"0.0025\"} 0",
           "lifeboat_pull_seconds_bucket{le=\"0.005\"} 1",
           "lifeboat_pull_seconds_bucket{le=\"10\"} 1",
           "lifeboat_pull_seconds_bucket{le=\"+Inf\"} 1",
       }) {
    EXPECT_TRUE(has_line(text, line)) << line << "\nin:\n" << text;
  }
}

TEST(Metrics, gives_the_same_instrument_for_the_same_name_and_labels) {
  Metrics metrics;
  Counter& one = metrics.counter("lifeboat_a_total", "A.", {{"x", "1"}, {"y", "2"}});
  EXPECT_EQ(&one, &metrics.counter("lifeboat_a_total", "A.", {{"y", "2"}, {"x", "1"}}));
  EXPECT_NE(&one, &metrics.counter("lifeboat_a_total", "A.", {{"x", "1"}}));
}

TEST(Metrics, escapes_what_a_label_may_not_hold) {
  Metrics metrics;
  metrics.counter("lifeboat_a_total", "A.", {{"host", "a\"b\\c\nd"}}).add();
  EXPECT_TRUE(has_line(metrics.render(), R"(lifeboat_a_total{host="a\"b\\c\nd"} 1)")) << metrics.render();
}

TEST(Metrics, keeps_large_numbers_exact) {
  Metrics metrics;
  metrics.counter("lifeboat_sent_bytes_total", "Bytes.").add(9007199254740991.0);
  EXPECT_TRUE(has_line(metrics.render(), "lifeboat_sent_bytes_total 9007199254740991")) << metrics.render();
}

TEST(Gauge, is_not_shown_while_it_is_not_a_number) {
  Metrics metrics;
  Gauge& gauge = metrics.gauge("lifeboat_a", "A.", {{"target", "gone"}});
  gauge.set(std::numeric_limits<double>::quiet_NaN());
  EXPECT_FALSE(metrics.render().contains("lifeboat_a")) << metrics.render();
  gauge.set(1);
  EXPECT_TRUE(has_line(metrics.render(), R"(lifeboat_a{target="gone"} 1)")) << metrics.render();
}

TEST(Counter, never_falls) {
  Metrics metrics;
  Counter& counter = metrics.counter("lifeboat_a_total", "A.");
  counter.add(2);
  counter.add(-1);
  EXPECT_TRUE(has_line(metrics.render(), "lifeboat_a_total 2"));
}

TEST(Counter, loses_nothing_when_many_threads_add) {
  constexpr int kThreads = 12;
  constexpr int kAdds = 2000;
  Metrics metrics;
  Counter& counter = metrics.counter("lifeboat_a_total", "A.");
  Gauge& gauge = metrics.gauge("lifeboat_b_requests", "B.");
  Histogram& histogram = metrics.histogram("lifeboat_c_seconds", "C.");
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < kAdds; ++n) {
        counter.add();
        gauge.add(n % 2 == 0 ? 1 : -1);
        histogram.observe(0.5);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string text = metrics.render();
  EXPECT_TRUE(has_line(text, "lifeboat_a_total 24000")) << text;
  EXPECT_TRUE(has_line(text, "lifeboat_b_requests 0")) << text;
  EXPECT_TRUE(has_line(text, "lifeboat_c_seconds_count 24000")) << text;
  EXPECT_TRUE(has_line(text, "lifeboat_c_seconds_sum 12000")) << text;
}

TEST(Histogram, counts_a_value_on_a_bound_as_below_it) {
  Metrics metrics;
  Histogram& histogram = metrics.histogram("lifeboat_a_seconds", "A.");
  histogram.observe(0.001);
  histogram.observe(11);
  const std::string text = metrics.render();
  EXPECT_TRUE(has_line(text, "lifeboat_a_seconds_bucket{le=\"0.001\"} 1")) << text;
  EXPECT_TRUE(has_line(text, "lifeboat_a_seconds_bucket{le=\"10\"} 1")) << text;
  EXPECT_TRUE(has_line(text, "lifeboat_a_seconds_bucket{le=\"+Inf\"} 2")) << text;
}

TEST(MetricsDeathTest, refuses_one_name_for_two_kinds) {
  Metrics metrics;
  metrics.counter("lifeboat_a_total", "A.");
  EXPECT_DEATH(metrics.gauge("lifeboat_a_total", "A."), "assertion failed");
}

}  // namespace
}  // namespace lifeboat::sys
