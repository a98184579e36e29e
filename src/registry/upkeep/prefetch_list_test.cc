#include "registry/upkeep/prefetch_list.h"

#include <gtest/gtest.h>

#include "test/support/pull_rig.h"

namespace lifeboat::registry {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using test::image_of;
using test::sha256_of;

class PrefetchListTest : public testing::Test, protected test::PullRig {
 protected:
  PrefetchListTest() {
    configure({.fresh_for = Duration(0), .not_found_for = Duration(0)}, {.is_on = true});
    loops.spawn(0, run_until_stopped());
  }
  ~PrefetchListTest() override {
    list_.stop();
    EXPECT_TRUE(comes([&] { return has_ended_.load(); })) << "it does not end when it is told to";
  }

  /// Whether it becomes true while the list works.
  template <class Condition>
  static bool comes(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + seconds(20);
    while (!condition() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    return condition();
  }
  bool is_captured(const test::Image& image) {
    return test::run(names.captures().find(call(), repository, sha256_of(image.manifest))).value().has_value();
  }
  static std::vector<oci::FullReference> references(const std::vector<std::string>& texts) {
    std::vector<oci::FullReference> parsed;
    for (const std::string& text : texts) parsed.push_back(oci::FullReference::parse(text).value());
    return parsed;
  }

  Capture capture_{{.walk = {blobs, names, manifest_fetches, blob_fetches, clock},
                    .addressing = addressing,
                    .pull = pull,
                    .loops = loops,
                    .metrics = metrics,
                    .log = log},
                   {}};
  sys::SystemClock real_;  // the rounds go by it
  PrefetchList list_{{addressing, capture_, loops, real_, log}};
  const test::Image one_ = image_of("one", 1);
  const test::Image other_ = image_of("other", 1);

 private:
  Awaitable<void> run_until_stopped() {
    co_await list_.run();
    has_ended_ = true;
  }
  std::atomic<bool> has_ended_ = false;
};

TEST_F(PrefetchListTest, captures_what_is_on_it) {
  publish(one_, "v1");
  publish(other_, "v2");
  list_.replace(references({"ghcr.io/org/app:v1", "ghcr.io/org/app:v2"}), Duration(0));
  EXPECT_TRUE(comes([&] { return is_captured(one_) && is_captured(other_); }));
}

TEST_F(PrefetchListTest, begins_at_once_with_another_list) {
  publish(one_, "v1");
  publish(other_, "v2");
  list_.replace(references({"ghcr.io/org/app:v1"}), hours(1));
  ASSERT_TRUE(comes([&] { return is_captured(one_); }));
  EXPECT_FALSE(is_captured(other_)) << "nobody asked for it";
  list_.replace(references({"ghcr.io/org/app:v2"}), hours(1));
  EXPECT_TRUE(comes([&] { return is_captured(other_); }));
}

TEST_F(PrefetchListTest, goes_on_behind_what_fails_and_tries_it_again_in_the_next_round) {
  publish(other_, "v2");
  list_.replace(references({"nowhere.example/a:1", "ghcr.io/org/app:v1", "ghcr.io/org/app:v2"}), Duration(5));
  ASSERT_TRUE(comes([&] { return is_captured(other_); })) << "it stopped at what nobody has";
  const int asked = source.asked;
  EXPECT_TRUE(comes([&] { return source.asked > asked + 3; })) << "there is no further round";
}

TEST_F(PrefetchListTest, leaves_a_capture_that_fails_to_its_own_pace) {
  publish(one_, "v1");
  list_.replace(references({"ghcr.io/org/app:v1"}), Duration(5));
  const auto job = [&] {
    return test::run(names.captures().find(call(), repository, sha256_of(one_.manifest))).value();
  };
  ASSERT_TRUE(comes([&] { return job() && !job()->platforms.empty(); })) << "it is not captured as the list wants it";
  meta::CaptureJob failed = job().value();
  failed.failures = 3;
  failed.last_error = "no such blob";
  const WallTime later = clock.wall() + hours(1);
  names.captures().postpone(failed, later);
  const int asked = source.asked;
  ASSERT_TRUE(comes([&] { return source.asked > asked + 3; })) << "there are no further rounds";
  EXPECT_EQ(job()->failures, 3U) << "a round made it forget how often it failed: it would never be given up";
  EXPECT_EQ(job()->due, later) << "a round hurried what waits for its next try";
}

TEST_F(PrefetchListTest, asks_once_where_no_further_round_is_wanted) {
  publish(one_, "v1");
  list_.replace(references({"ghcr.io/org/app:v1"}), Duration(0));
  ASSERT_TRUE(comes([&] { return is_captured(one_); }));
  const int asked = source.asked;
  publish(other_, "v2");
  list_.replace(references({"ghcr.io/org/app:v2"}), Duration(0));
  ASSERT_TRUE(comes([&] { return is_captured(other_); }));
  EXPECT_EQ(source.asked, asked + 1) << "what was on the list before was asked for again";
}

}  // namespace
}  // namespace lifeboat::registry
