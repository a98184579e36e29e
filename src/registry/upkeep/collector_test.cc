#include "registry/upkeep/collector.h"

#include <gtest/gtest.h>

#include <thread>
#include <tuple>

#include "blob/memory_store.h"
#include "meta/memory_store.h"
#include "test/support/image.h"
#include "test/support/manual_clock.h"

namespace lifeboat::registry {
namespace {

using test::a_call;
using test::run;
using test::sha256_of;

/// Of which all was written when it is said.
class DatedInventory final : public blob::Inventory {
 public:
  explicit DatedInventory(blob::Inventory& real) : real_(real) {}
  Task<std::vector<oci::Digest>> shard(Call call, std::size_t index) override { return real_.shard(call, index); }
  Task<std::optional<blob::StoredContent>> find(Call call, oci::Digest digest) override {
    LB_CO_TRY(auto found, co_await real_.find(call, digest));
    if (found) found->modified = modified;
    co_return found;
  }
  Task<std::vector<oci::Digest>> absent(Call call, std::vector<oci::Digest> digests) override {
    return real_.absent(std::move(call), std::move(digests));
  }
  WallTime modified = WallTime::max();

 private:
  blob::Inventory& real_;
};

/// What comes between the steps of a pass is for test/gc; here is what one pass does by itself.
class CollectorTest : public testing::Test {
 protected:
  CollectorTest() {
    loops_thread_ = std::thread([this] { loops_.run(); });
  }
  ~CollectorTest() override {
    loops_.stop();
    loops_thread_.join();
  }

  Result<SweepReport> collect(Sweep::DryRun dry_run = Sweep::DryRun::no) { return run(collector_.collect(dry_run)); }
  bool is_on_disk(const std::string& bytes) { return run(blobs_.open(a_call(), sha256_of(bytes))).has_value(); }
  void keep_image(const oci::RepositoryId& repository, const test::Image& image, const std::string& tag) {
    test::keep_blob(blobs_, names_, repository, image.config);
    for (const std::string& layer : image.layers) test::keep_blob(blobs_, names_, repository, layer);
    test::keep_manifest(blobs_, names_, repository, image.manifest, {tag});
  }
  void let_a_day_pass() { clock_.advance(std::chrono::hours(25)); }

  const oci::RepositoryId repository_{std::nullopt, oci::Repository::parse("team/app").value()};
  const oci::RepositoryId cached_{oci::RegistryHost::parse("ghcr.io").value(),
                                  oci::Repository::parse("org/app").value()};
  test::ManualClock clock_;
  Log log_{{.level = LogLevel::error}};
  sys::Metrics metrics_;
  blob::MemoryStore blobs_;
  DatedInventory inventory_{blobs_};
  meta::MemoryStore names_{clock_};
  ContentLeases leases_{clock_};
  ChangeStamps stamps_;
  bool is_frozen_ = false;
  sys::EventLoops loops_{1};
  Collector collector_{{.sweep = {.blobs = blobs_,
                                  .inventory = inventory_,
                                  .names = names_,
                                  .leases = leases_,
                                  .stamps = stamps_,
                                  .is_frozen = [this](const oci::RegistryHost&) { return is_frozen_; }},
                        .clock = clock_,
                        .loops = loops_,
                        .metrics = metrics_,
                        .log = log_},
                       {}};
  std::thread loops_thread_;
};

TEST_F(CollectorTest, removes_what_nothing_names_once_the_grace_is_over) {
  const test::Image image = test::image_of("kept", 2);
  keep_image(repository_, image, "v1");
  test::keep_blob(blobs_, names_, repository_, "lone");
  EXPECT_EQ(collect()->contents, 0U) << "it may belong to a push under way";
  let_a_day_pass();
  const auto stamp = stamps_.of(repository_).load();
  const auto report = collect();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->links, 1U);
  EXPECT_EQ(report->contents, 1U);
  EXPECT_EQ(report->bytes, 4U);
  EXPECT_FALSE(is_on_disk("lone"));
  EXPECT_NE(stamps_.of(repository_).load(), stamp) << "answers that were prepared still have it";
  for (const std::string& bytes : {image.manifest, image.config, image.layers[0], image.layers[1]}) {
    EXPECT_TRUE(is_on_disk(bytes));
  }
  EXPECT_EQ(collect()->contents, 0U);
}

TEST_F(CollectorTest, leaves_a_removed_manifest_and_what_it_named_for_the_grace) {
  const test::Image image = test::image_of("removed", 2);
  const std::string orphan = "never had a row";
  ASSERT_TRUE(run(blobs_.put(a_call(), sha256_of(orphan), orphan)));
  inventory_.modified = WallTime();
  keep_image(repository_, image, "v1");
  let_a_day_pass();
  ASSERT_TRUE(run(names_.manifests().remove(a_call(), repository_, sha256_of(image.manifest))));
  EXPECT_EQ(collect(Sweep::DryRun::yes)->contents, 1U);
  EXPECT_EQ(collect()->contents, 1U);
  EXPECT_FALSE(is_on_disk(orphan));
  EXPECT_EQ(collect()->contents, 0U) << "it is old, and was removed just now";
  for (const std::string& bytes : {image.manifest, image.config, image.layers[0], image.layers[1]}) {
    EXPECT_TRUE(is_on_disk(bytes));
  }
  let_a_day_pass();
  EXPECT_EQ(collect()->contents, 4U);
  EXPECT_FALSE(is_on_disk(image.manifest));
  EXPECT_FALSE(is_on_disk(image.layers[0]));
}

TEST_F(CollectorTest, foresees_in_a_dry_run_what_a_pass_does) {
  keep_image(repository_, test::image_of("kept", 1), "v1");
  const test::Image deleted = test::image_of("deleted", 2);
  keep_image(repository_, deleted, "v2");
  ASSERT_TRUE(run(names_.manifests().remove(a_call(), repository_, sha256_of(deleted.manifest))));
  test::keep_blob(blobs_, names_, repository_, "in two repositories");
  test::keep_blob(blobs_, names_, cached_, "in two repositories");
  let_a_day_pass();
  const auto foreseen = collect(Sweep::DryRun::yes);
  EXPECT_TRUE(is_on_disk(deleted.layers[0]));
  const auto done = collect();
  ASSERT_TRUE(foreseen && done);
  EXPECT_EQ(done->contents, 5U);
  EXPECT_EQ(std::tuple(foreseen->links, foreseen->contents, foreseen->bytes),
            std::tuple(done->links, done->contents, done->bytes));
}

TEST_F(CollectorTest, takes_nothing_of_a_host_that_cannot_be_asked) {
  test::keep_blob(blobs_, names_, cached_, "cached");
  let_a_day_pass();
  is_frozen_ = true;
  EXPECT_EQ(collect()->links, 0U);
  EXPECT_TRUE(is_on_disk("cached"));
  is_frozen_ = false;
  EXPECT_EQ(collect()->links, 1U);
  EXPECT_FALSE(is_on_disk("cached"));
}

TEST_F(CollectorTest, leaves_a_store_alone_in_which_a_tag_lacks_something) {
  const test::Image image = test::image_of("damaged", 2);
  keep_image(repository_, image, "v1");
  test::keep_blob(blobs_, names_, repository_, "lone");
  ASSERT_TRUE(run(blobs_.remove(a_call(), sha256_of(image.layers[1]))));
  let_a_day_pass();
  const auto refused = collect();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::corrupt);
  EXPECT_NE(refused.error().message().find(sha256_of(image.layers[1]).to_string()), std::string::npos);
  EXPECT_TRUE(is_on_disk("lone"));
  EXPECT_NE(metrics_.render().find("lifeboat_gc_runs_total{result=\"refused\"} 1"), std::string::npos);
  // What is untagged or cached is nobody's promise.
  ASSERT_TRUE(run(names_.manifests().remove(a_call(), repository_, sha256_of(image.manifest))));
  EXPECT_TRUE(collect());
}

TEST_F(CollectorTest, goes_on_collecting_when_what_is_absent_is_known_to_be_lost) {
  const test::Image image = test::image_of("damaged", 2);
  keep_image(repository_, image, "v1");
  test::keep_blob(blobs_, names_, repository_, "lone");
  ASSERT_TRUE(run(blobs_.remove(a_call(), sha256_of(image.layers[1]))));
  ASSERT_TRUE(run(names_.faults().note(a_call(), {.digest = sha256_of(image.layers[1])})));
  let_a_day_pass();
  const auto report = collect();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->lost, 1U);
  EXPECT_FALSE(is_on_disk("lone"));
  EXPECT_TRUE(is_on_disk(image.layers[0]));
}

TEST_F(CollectorTest, takes_nothing_for_old_because_the_clock_was_set) {
  test::keep_blob(blobs_, names_, repository_, "lone");
  clock_.set_wall_by(std::chrono::hours(48));
  for (int hour = 0; hour < 24; ++hour) {
    const auto refused = collect();
    ASSERT_FALSE(refused) << "it is " << hour << " h old";
    EXPECT_EQ(refused.error().code(), ErrorCode::unavailable);
    clock_.advance(std::chrono::hours(1));
  }
  EXPECT_TRUE(is_on_disk("lone"));
  EXPECT_EQ(collect()->contents, 1U) << "the grace has gone by since";
}

TEST_F(CollectorTest, makes_no_pass_when_the_clock_was_set_back) {
  clock_.set_wall_by(-std::chrono::hours(48));
  EXPECT_EQ(collect().error().code(), ErrorCode::unavailable);
}

TEST_F(CollectorTest, takes_no_more_time_for_gone_than_has_gone_by) {
  test::keep_blob(blobs_, names_, repository_, "lone");
  clock_.advance(std::chrono::hours(24) - std::chrono::minutes(5));
  clock_.set_wall_by(std::chrono::minutes(9));
  EXPECT_EQ(collect()->contents, 0U);
  clock_.advance(std::chrono::minutes(5));
  EXPECT_EQ(collect()->contents, 1U);
}

TEST_F(CollectorTest, leaves_what_somebody_is_about_to_need) {
  test::keep_blob(blobs_, names_, repository_, "lone");
  let_a_day_pass();
  {
    const auto share = run(leases_.share(a_call(), sha256_of("lone")));
    const auto report = collect();
    EXPECT_EQ(report->contents, 0U);
    EXPECT_EQ(report->in_use, 1U);
    EXPECT_TRUE(is_on_disk("lone"));
  }
  EXPECT_EQ(collect()->contents, 1U) << "the next pass finds what was condemned";
  EXPECT_FALSE(is_on_disk("lone"));
}

TEST_F(CollectorTest, keeps_condemned_content_that_has_a_row_again) {
  test::keep_blob(blobs_, names_, repository_, "lone");
  let_a_day_pass();
  const auto page = run(names_.reclaim().look(a_call(), meta::ReclaimPosition(), clock_.wall(), 10));
  ASSERT_TRUE(run(names_.reclaim().release(a_call(), page->found, clock_.wall() - std::chrono::hours(24))));
  test::keep_blob(blobs_, names_, repository_, "lone");
  EXPECT_EQ(collect()->contents, 0U);
  EXPECT_TRUE(is_on_disk("lone"));
  EXPECT_TRUE(run(names_.reclaim().condemned(a_call(), WallTime::max(), 10))->empty());
}

Awaitable<bool> joined(Collector& collector) {
  co_await collector.join();
  co_return true;
}

TEST_F(CollectorTest, makes_one_pass_at_a_time_and_none_after_stop) {
  EXPECT_EQ(collector_.state().number, 0U);
  const auto begun = collector_.begin(Sweep::DryRun::yes);
  ASSERT_TRUE(begun) << begun.error().message();
  EXPECT_EQ(*begun, 1U);
  EXPECT_TRUE(run(joined(collector_)));
  EXPECT_FALSE(collector_.state().is_running);
  EXPECT_TRUE(collector_.state().ended);
  collector_.stop();
  EXPECT_EQ(collector_.begin(Sweep::DryRun::yes).error().code(), ErrorCode::cancelled);
}

}  // namespace
}  // namespace lifeboat::registry
