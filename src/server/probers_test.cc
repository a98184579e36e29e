#include "server/probers.h"

#include <gtest/gtest.h>

#include <string>

#include "meta/memory_store.h"
#include "sys/block_pool.h"
#include "sys/clock.h"
#include "sys/file_system.h"
#include "sys/http_client.h"
#include "sys/thread_pool.h"

namespace lifeboat::server {
namespace {

TEST(OwnUrl, is_how_this_machine_reaches_the_process) {
  EXPECT_EQ(own_url("0.0.0.0:5000", false), "http://127.0.0.1:5000");
  EXPECT_EQ(own_url("[::]:5000", false), "http://[::1]:5000");
  EXPECT_EQ(own_url("10.0.0.1:5000", true), "https://10.0.0.1:5000");
}

class ProbersTest : public testing::Test {
 protected:
  static Config config_of(std::vector<ProbeConfig> probes) {
    Config config;
    config.probes = std::move(probes);
    return config;
  }
  /// One whose last tour has ended just now, so that nothing is asked.
  ProbeConfig rested(const std::string& name, Duration every = std::chrono::hours(1)) {
    registry::ProbeBook book;
    book.last.tags = 7;
    names_.tours().note("probe/" + name, {.position = book.encode(), .finished = clock_.wall()});
    ProbeConfig probe;
    probe.name = name;
    probe.target = "https://" + name + ".example";
    probe.every = every;
    probe.requests_max = 1;
    return probe;
  }
  void follow(std::vector<ProbeConfig> probes) {
    auto plan = probers_.plan(config_of(std::move(probes)));
    ASSERT_TRUE(plan) << plan.error().message();
    probers_.follow(std::move(*plan));
  }
  /// Lets the probes run while the test tells its story.
  void play(Awaitable<void> story) {
    loops_.spawn(0, std::move(story));
    loops_.run();
  }
  Awaitable<void> until_shown(std::string line) {
    for (int looks = 0; looks < 2000 && !shows(line); ++looks) {
      co_await clock_.sleep_until(clock_.now() + std::chrono::milliseconds(5));
    }
    EXPECT_TRUE(shows(line)) << line << " is not shown:\n" << metrics_.render();
  }
  Awaitable<void> change_one();
  Awaitable<void> name_others();
  bool shows(const std::string& line) { return metrics_.render().contains(line); }

  sys::BlockPool blocks_;
  sys::SystemClock clock_;
  sys::Metrics metrics_;
  Log log_{{.level = LogLevel::error}};
  const std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
  sys::ThreadPool disk_{"disk", 1};
  const std::unique_ptr<sys::HttpClient> client_ = sys::make_curl_http_client({.user_agent = "lifeboat/test"}, blocks_);
  meta::MemoryStore names_{clock_};
  sys::EventLoops loops_{1};
  Probers probers_{{.registry = {*client_, clock_, *files_, disk_, log_},
                    .tours = names_.tours(),
                    .metrics = metrics_,
                    .loops = loops_},
                   "http://127.0.0.1:5000"};
};

TEST_F(ProbersTest, are_made_of_the_configuration) {
  ProbeConfig backup = rested("backup");
  backup.target = "https://backup.example/prefix";
  backup.compare_with = "self";
  ProbeConfig self = rested("self");
  self.target = "self";
  follow({backup, self});
  const auto status = probers_.status();
  ASSERT_EQ(status.size(), 2U);
  EXPECT_EQ(status.at(0).name, "backup");
  EXPECT_EQ(status.at(0).target, "backup.example/prefix");
  EXPECT_EQ(status.at(1).target, "self");
  EXPECT_EQ(status.at(1).last_run, "");
  EXPECT_TRUE(shows("lifeboat_probe_every_seconds{target=\"backup\"}"));
  EXPECT_FALSE(shows("registry_manifest_integrity_failures{target=\"backup\"}"))
      << "before it is known what was found the last time, a zero would end an alert";
}

TEST_F(ProbersTest, refuse_a_target_before_anything_has_changed) {
  follow({rested("a")});
  ProbeConfig broken = rested("b");
  broken.target = "ftp://b.example";
  EXPECT_FALSE(probers_.plan(config_of({broken})));
  EXPECT_EQ(probers_.status().at(0).name, "a");
}

Awaitable<void> ProbersTest::change_one() {
  const ProbeConfig probe = rested("a");
  follow({probe});
  co_await until_shown("tags_checked{target=\"a\"} 7");
  const std::string last_run = probers_.status().at(0).last_run;
  EXPECT_NE(last_run, "");
  names_.tours().note("probe/a", {});  // the other must not have to read it
  ProbeConfig changed = probe;
  changed.every = std::chrono::hours(2);
  follow({changed});
  for (int looks = 0; looks < 2000 && probers_.status().at(0).last_run != last_run; ++looks) {
    co_await clock_.sleep_until(clock_.now() + std::chrono::milliseconds(5));
  }
  EXPECT_EQ(probers_.status().at(0).last_run, last_run);
  EXPECT_TRUE(shows("lifeboat_probe_every_seconds{target=\"a\"} 7200"));
  EXPECT_TRUE(shows("tags_checked{target=\"a\"} 7"));
  loops_.stop();
}
TEST_F(ProbersTest, go_on_where_they_were_when_what_they_are_to_do_has_changed) { play(change_one()); }

Awaitable<void> ProbersTest::name_others() {
  const ProbeConfig a = rested("a");
  const ProbeConfig b = rested("b");
  const ProbeConfig c = rested("c");
  follow({a, b});
  co_await until_shown("tags_checked{target=\"a\"} 7");
  co_await until_shown("tags_checked{target=\"b\"} 7");
  follow({a, c});
  co_await until_shown("tags_checked{target=\"c\"} 7");
  EXPECT_FALSE(shows("target=\"b\"")) << metrics_.render();
  EXPECT_TRUE(shows("tags_checked{target=\"a\"} 7")) << "it was not disturbed";
  const auto status = probers_.status();
  EXPECT_EQ(status.size(), 2U);
  EXPECT_EQ(status.back().name, "c");
  follow({a, c, b});
  co_await until_shown("tags_checked{target=\"b\"} 7");
  EXPECT_TRUE(shows("lifeboat_probe_every_seconds{target=\"b\"} 3600"));
  loops_.stop();
}
TEST_F(ProbersTest, take_their_metrics_along_when_they_are_named_no_more) { play(name_others()); }

}  // namespace
}  // namespace lifeboat::server
