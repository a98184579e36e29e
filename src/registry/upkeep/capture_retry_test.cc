// When a capture is tried again, and what it does not do without end.

#include <functional>
#include <thread>

#include "registry/upkeep/capture_test.h"

namespace lifeboat::registry {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using test::digest_of;
using test::Image;
using test::image_of;
using test::index_of;
using test::sha256_of;

/// Gives out the jobs of a store and notes nothing of what became of them, like one that cannot be written to.
class DeafCaptures final : public meta::CaptureIndex {
 public:
  explicit DeafCaptures(meta::CaptureIndex& captures) : captures_(captures) {}
  Task<void> add(Call, oci::RepositoryId, oci::Digest, std::string, WallTime) override { co_return Status{}; }
  Task<std::vector<meta::CaptureJob>> due(Call call, WallTime time, std::size_t limit) override {
    ++looks;
    return captures_.due(std::move(call), time, limit);
  }
  Task<std::optional<meta::CaptureJob>> find(Call call, oci::RepositoryId repository, oci::Digest manifest) override {
    return captures_.find(std::move(call), std::move(repository), manifest);
  }
  Task<meta::CaptureTotals> totals(Call call) override { return captures_.totals(std::move(call)); }
  void finish(meta::CaptureJob) override {}
  void postpone(meta::CaptureJob, WallTime) override {}
  void hurry(oci::RegistryHost, WallTime) override {}
  void note_platform(oci::RepositoryId, std::string) override {}
  Task<std::vector<std::string>> platforms(Call call, oci::RepositoryId repository) override {
    ++asked_for_platforms;
    return captures_.platforms(std::move(call), std::move(repository));
  }

  std::atomic<int> looks = 0;
  std::atomic<int> asked_for_platforms = 0;

 private:
  meta::CaptureIndex& captures_;
};

class DeafStore final : public meta::Store {
 public:
  explicit DeafStore(meta::Store& store) : store_(store), captures_(store.captures()) {}
  int looks() const { return captures_.looks; }  ///< for what is due
  /// Of captures: each asks twice for the platforms of its repository, for what is pulled and for what is wanted.
  int starts() const { return captures_.asked_for_platforms / 2; }

  meta::BlobIndex& blobs() override { return store_.blobs(); }
  meta::ManifestIndex& manifests() override { return store_.manifests(); }
  meta::TagIndex& tags() override { return store_.tags(); }
  meta::RepositoryIndex& repositories() override { return store_.repositories(); }
  meta::UploadIndex& uploads() override { return store_.uploads(); }
  meta::CaptureIndex& captures() override { return captures_; }
  meta::TourIndex& tours() override { return store_.tours(); }
  meta::FaultIndex& faults() override { return store_.faults(); }
  meta::ReclaimIndex& reclaim() override { return store_.reclaim(); }
  meta::UsageIndex& usage() override { return store_.usage(); }
  Task<meta::StoreTotals> totals(Call call) override { return store_.totals(std::move(call)); }
  Status close() override { return {}; }

 private:
  meta::Store& store_;
  DeafCaptures captures_;
};

class CaptureRetryTest : public CaptureTest {
 protected:
  void take_a_job() {
    publish(amd_, "v1");
    ASSERT_TRUE(get("v1"));
    clock.advance(seconds(1));
  }
  static bool comes(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + seconds(20);
    while (!condition() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    return condition();
  }
  /// How often it was started when all that is due by now has been.
  static int starts_by_now(Capture& capture, const DeafStore& store) {
    // What was looked for behind the first of these, and gone through before the last of them.
    for (int i = 0; i < 3; ++i) {
      const int before = store.looks();
      capture.look();
      EXPECT_TRUE(comes([&] { return store.looks() > before; })) << "nobody looks for what is due";
    }
    EXPECT_TRUE(comes([&] { return capture.running() == 0; })) << "it does not end";
    return store.starts();
  }
  void stop(Capture& capture) {
    capture.stop();
    EXPECT_TRUE(comes([&] { return has_ended_.load(); }));
  }
};

TEST_F(CaptureRetryTest, starts_what_is_done_not_again_at_once_when_the_store_did_not_note_it) {
  take_a_job();
  DeafStore store(names);
  Capture capture = a_capture(store);
  loops.spawn(0, run_until_stopped(capture));
  EXPECT_TRUE(comes([&] { return store.starts() == 1; }));
  EXPECT_EQ(starts_by_now(capture, store), 1) << "it is due in the store for as long as that takes no notes";
  EXPECT_TRUE(has(amd_));
  clock.advance(seconds(2));
  EXPECT_EQ(starts_by_now(capture, store), 2);
  stop(capture);
}

TEST_F(CaptureRetryTest, starts_what_failed_not_again_before_its_pause_when_the_store_did_not_note_it) {
  take_a_job();
  source.blobs.erase(digest_of(amd_.layers[0]));
  DeafStore store(names);
  Capture capture = a_capture(store);
  loops.spawn(0, run_until_stopped(capture));
  EXPECT_TRUE(comes([&] { return store.starts() == 1; }));
  EXPECT_EQ(starts_by_now(capture, store), 1);
  clock.advance(seconds(10));
  EXPECT_EQ(starts_by_now(capture, store), 1) << "what failed a moment ago was tried again";
  clock.advance(minutes(1));
  EXPECT_EQ(starts_by_now(capture, store), 2);
  stop(capture);
}

TEST_F(CaptureRetryTest, waits_for_a_host_that_refuses_without_counting_it) {
  take_a_job();
  const struct {
    const char* name;
    std::function<void()> refuse;
    Duration pause;
  } rows[] = {
      {"it answers 429", [&] { source.fails = ErrorCode::too_many; }, minutes(5)},
      {"it takes few more requests", [&] { source.is_short = true; }, minutes(5)},
      {"its breaker is open", [&] { go_down(); }, minutes(10)},
      {"nothing of it is captured", [&] { configure({}, {.is_on = false}); }, hours(6)},
  };
  for (const auto& row : rows) {
    test::run(names.captures().add(call(), repository, sha256_of(amd_.manifest), "", clock.wall())).value();
    row.refuse();
    work_off();
    const auto job = job_of(amd_.manifest);
    ASSERT_TRUE(job) << row.name;
    EXPECT_EQ(job->failures, 0U) << row.name << ": that is no fault of the manifest";
    EXPECT_NE(job->last_error, "") << row.name;
    EXPECT_LE(job->due, clock.wall() + row.pause) << row.name;
    EXPECT_GE(job->due, clock.wall() + row.pause * 3 / 4) << row.name;
    come_back();
    source.is_short = false;
    clock.advance(minutes(1));
  }
  configure({}, {.is_on = true});
  clock.advance(hours(6));
  work_off();
  EXPECT_TRUE(has(amd_));
}

TEST_F(CaptureRetryTest, gives_up_what_the_upstream_has_not_ten_times) {
  take_a_job();
  source.blobs.erase(digest_of(amd_.layers[0]));
  for (uint32_t failures = 1; failures < 10; ++failures) {
    work_off();
    ASSERT_TRUE(job_of(amd_.manifest)) << "given up after " << failures;
    ASSERT_EQ(job_of(amd_.manifest)->failures, failures);
    clock.advance(hours(6));
  }
  work_off();
  EXPECT_FALSE(job_of(amd_.manifest)) << "it is asked for without end";
}

TEST_F(CaptureRetryTest, gives_up_nothing_for_outages) {
  take_a_job();
  source.fails = ErrorCode::unavailable;  // with breakers that are closed: it counts
  for (uint32_t failures = 1; failures <= 12; ++failures) {
    work_off();
    ASSERT_TRUE(job_of(amd_.manifest)) << "given up after " << failures << " outages";
    ASSERT_EQ(job_of(amd_.manifest)->failures, failures);
    clock.advance(hours(6));
  }
  come_back();
  work_off();
  EXPECT_TRUE(has(amd_));
}

TEST_F(CaptureRetryTest, takes_no_more_attachments_than_fit) {
  const auto attachment = [&](const char* name, uint64_t claimed_bytes) {
    Image image = image_of(name, 1, amd_.manifest);
    const std::string size = R"("size":)" + std::to_string(image.layers[0].size());
    image.manifest.replace(image.manifest.find(size), size.size(), R"("size":)" + std::to_string(claimed_bytes));
    publish(image);
    source.referring[digest_of(amd_.manifest)].push_back(
        {sha256_of(image.manifest), std::string(oci::kOciManifest), 1, "", ""});
    return image;
  };
  const Image big = attachment("big", 200 * kMiB);
  const Image too_big = attachment("too big", 57 * kMiB);
  const Image small = attachment("small", 50 * kMiB);
  take_a_job();
  work_off();
  EXPECT_TRUE(has(amd_));
  EXPECT_TRUE(has(big));
  EXPECT_FALSE(has_blob(too_big.layers[0])) << "publishers choose what hangs on what: 256 MiB are enough of it";
  EXPECT_TRUE(has(small)) << "there was room for it";
  EXPECT_FALSE(job_of(amd_.manifest)) << "what is left out is not tried again";
}

TEST_F(CaptureRetryTest, follows_no_more_platforms_of_a_repository_than_people_use) {
  std::vector<test::IndexChild> children;
  for (int i = 0; i < 40; ++i) children.push_back({arm_.manifest, "linux/p" + std::to_string(i)});
  const std::string index = index_of(children);
  publish(arm_);
  publish(index, "v1");
  ASSERT_TRUE(get("v1"));
  for (int i = 0; i < 30; ++i) names.captures().note_platform(repository, "plan9/p" + std::to_string(i));
  pull_and_work_off(digest_of(arm_.manifest));
  EXPECT_EQ(test::run(names.captures().platforms(call(), repository))->size(), 32U);
  EXPECT_TRUE(has(arm_));
}

TEST_F(CaptureRetryTest, prefetches_beside_the_policy_and_beside_what_was_asked_for_before) {
  const Image risc = image_of("risc", 1);
  const Image other = image_of("other", 1);
  const std::string index = index_of({{amd_.manifest, "plan9/amd64"},
                                      {arm_.manifest, "plan9/arm64"},
                                      {risc.manifest, "plan9/riscv64"},
                                      {other.manifest, "plan9/s390x"}});
  for (const Image& image : {amd_, arm_, risc, other}) publish(image);
  publish(index, "v1");
  configure({}, {.is_on = true, .has_all_platforms = false, .platforms = {"plan9/amd64"}});
  Capture capture = a_capture();
  for (const char* platform : {"plan9/arm64", "plan9/riscv64"}) {
    const auto asked = test::run(capture.prefetch(call(), repository, oci::Reference::parse("v1").value(),
                                                  PlatformsWanted::parse(platform).value()));
    ASSERT_TRUE(asked) << asked.error().message();
    EXPECT_TRUE(asked->wanted.names.contains("plan9/amd64")) << "the policy holds as well";
  }
  EXPECT_EQ(job_of(index)->platforms, "plan9/arm64,plan9/riscv64");
  work_off();
  EXPECT_TRUE(has(amd_)) << "what the policy wants";
  EXPECT_TRUE(has(arm_)) << "what was asked for first";
  EXPECT_TRUE(has(risc));
  EXPECT_FALSE(has_manifest(other.manifest));
}

}  // namespace
}  // namespace lifeboat::registry
