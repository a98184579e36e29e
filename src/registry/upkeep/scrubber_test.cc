#include "registry/upkeep/scrubber.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "test/support/code_of.h"
#include "test/support/pull_rig.h"

namespace lifeboat::registry {
namespace {

using std::chrono::minutes;
using test::code_of;
using test::image_of;
using test::run;
using test::sha256_of;

/// The store in memory on a disk that cannot read one piece.
class BadSector final : public blob::Integrity {
 public:
  explicit BadSector(blob::MemoryStore& inner) : inner_(inner) {}
  std::optional<oci::Digest> unreadable;

  Task<std::unique_ptr<blob::Reading>> read_through(Call call, oci::Digest digest) override {
    if (digest == unreadable) co_return fail(ErrorCode::internal, "cannot read file: Input/output error");
    co_return co_await inner_.read_through(std::move(call), digest);
  }
  Task<std::vector<blob::StoredContent>> list(Call call, HashAlgorithm algorithm, std::byte first) override {
    return inner_.list(std::move(call), algorithm, first);
  }
  Task<blob::Damage> quarantine(Call call, oci::Digest digest, uint64_t size_bytes, WallTime now) override {
    if (digest == unreadable) co_return fail(ErrorCode::internal, "cannot read file: Input/output error");
    co_return co_await inner_.quarantine(std::move(call), digest, size_bytes, now);
  }

 private:
  blob::MemoryStore& inner_;
};

Awaitable<bool> tour(Scrubber& scrubber, ScrubOrder order) {
  co_await scrubber.tour_now(order);
  co_return true;
}

class ScrubberTest : public testing::Test, protected test::PullRig {
 protected:
  ScrubberTest() {
    test::keep_blob(blobs, names, hosted_, image_.config);
    test::keep_blob(blobs, names, hosted_, image_.layers[0]);
    test::keep_manifest(blobs, names, hosted_, image_.manifest, {"v1"});
  }
  ScrubProgress scrub(ScrubOrder order = {}) {
    run(tour(scrubber_, order));
    return scrubber_.progress();
  }
  Result<ServedBlob> blob_of(const std::string& bytes) { return run(pull.blob(call(), hosted_, sha256_of(bytes))); }
  uint64_t faults_now() { return run(names.faults().count(call())).value(); }
  static std::string flipped(std::string bytes) {
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    return bytes;
  }

  const oci::RepositoryId hosted_{std::nullopt, oci::Repository::parse("team/app").value()};
  const test::Image image_ = image_of("image", 1);
  const oci::RepositoryId cached_{oci::RegistryHost::parse("ghcr.io").value(),
                                  oci::Repository::parse("org/app").value()};
  const test::Image theirs_ = image_of("theirs", 2);
  BadSector integrity_{blobs};
  std::shared_ptr<test::ScriptedSource> backup_ = std::make_shared<test::ScriptedSource>();
  Faults faults_{{blobs, integrity_, names, leases, stamps, clock, metrics, log}};
  Repairer repairer_{{blobs, integrity_, names, leases, addressing, faults_, clock, loops, metrics, log},
                     {{.source = backup_, .name = "backup"}}};
  Scrubber scrubber_{{blobs, integrity_, names, faults_, repairer_, clock, metrics, log}, {.rate_bytes = 0}};
};

TEST_F(ScrubberTest, finds_nothing_where_all_is_whole) {
  const ScrubProgress progress = scrub();
  EXPECT_EQ(progress.checked, 3U);
  EXPECT_EQ(progress.found, 0U);
  EXPECT_TRUE(progress.finished);
  EXPECT_FALSE(progress.is_running);
  EXPECT_EQ(progress.checked_bytes, image_.config.size() + image_.layers[0].size() + image_.manifest.size());
  EXPECT_TRUE(run(names.tours().find(call(), "scrub")).value()->finished);
}

TEST_F(ScrubberTest, only_looks_when_it_is_told_to) {
  blobs.damage(sha256_of(image_.layers[0]), flipped(image_.layers[0]));
  const ScrubProgress progress = scrub({.is_repaired = false});
  ASSERT_EQ(progress.findings.size(), 1U);
  EXPECT_EQ(progress.findings[0].digest, sha256_of(image_.layers[0]));
  EXPECT_EQ(progress.findings[0].kind, "wrong_bytes");
  EXPECT_EQ(faults_now(), 0U);
  EXPECT_TRUE(run(blobs.open(call(), sha256_of(image_.layers[0])))) << "it is where it was";
}

TEST_F(ScrubberTest, does_not_take_an_error_of_the_disk_for_a_verdict) {
  integrity_.unreadable = sha256_of(image_.layers[0]);
  const ScrubProgress progress = scrub();
  ASSERT_EQ(progress.findings.size(), 1U);
  EXPECT_EQ(progress.findings[0].kind, "unreadable");
  EXPECT_EQ(faults_now(), 0U);
  EXPECT_TRUE(blob_of(image_.layers[0])) << "it may be read the next time";
}

TEST_F(ScrubberTest, names_the_tags_that_break_when_nobody_has_it) {
  blobs.damage(sha256_of(image_.layers[0]), std::nullopt);
  EXPECT_EQ(scrub().found, 1U);
  const auto standing = run(repairer_.standing(call(), 10)).value();
  ASSERT_EQ(standing.size(), 1U);
  EXPECT_EQ(standing[0].fault.digest, sha256_of(image_.layers[0]));
  EXPECT_EQ(standing[0].fault.tries, 1U);
  ASSERT_EQ(standing[0].tags.size(), 1U);
  EXPECT_EQ(standing[0].tags[0].tag.to_string(), "v1");
  EXPECT_EQ(code_of(blob_of(image_.layers[0])), "not_found");
  EXPECT_TRUE(metrics.render().contains("lifeboat_scrub_unrepaired 1"));
}

TEST_F(ScrubberTest, mends_from_a_source_and_believes_none) {
  blobs.damage(sha256_of(image_.layers[0]), flipped(image_.layers[0]));
  backup_->blobs[sha256_of(image_.layers[0]).to_string()] = {.bytes = flipped(image_.layers[0])};
  scrub();
  EXPECT_EQ(faults_now(), 1U) << "what the source gave was wrong as well";
  EXPECT_EQ(code_of(blob_of(image_.layers[0])), "not_found");
  backup_->blobs[sha256_of(image_.layers[0]).to_string()] = {.bytes = image_.layers[0]};
  scrub();
  EXPECT_EQ(faults_now(), 0U);
  EXPECT_TRUE(blob_of(image_.layers[0]));
}

TEST_F(ScrubberTest, waits_for_a_source_that_is_down) {
  blobs.damage(sha256_of(image_.layers[0]), std::nullopt);
  backup_->blobs[sha256_of(image_.layers[0]).to_string()] = {.bytes = image_.layers[0]};
  backup_->is_reachable = false;
  scrub();
  const auto fault = run(names.faults().find(call(), sha256_of(image_.layers[0]))).value();
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->due, clock.wall() + pause_before_repair(1));
  EXPECT_EQ(backup_->asked, 0) << "a breaker that is open is not to be worn";
}

TEST_F(ScrubberTest, knows_again_what_a_cache_has_and_does_not_miss_what_it_has_not) {
  test::keep_manifest(blobs, names, cached_, theirs_.manifest, {"v1"});
  ASSERT_TRUE(run(blobs.put(call(), sha256_of(theirs_.layers[0]), theirs_.layers[0])));  // its row is lost
  EXPECT_EQ(scrub().found, 1U);
  EXPECT_TRUE(run(names.blobs().find(call(), cached_, sha256_of(theirs_.layers[0]))));
  EXPECT_EQ(faults_now(), 0U) << "the other layer was never here";
}

TEST_F(ScrubberTest, knows_again_what_a_cache_has_when_the_manifest_that_names_it_is_back) {
  test::keep_manifest(blobs, names, cached_, theirs_.manifest, {"v1"});
  ASSERT_TRUE(run(blobs.put(call(), sha256_of(theirs_.layers[0]), theirs_.layers[0])));
  blobs.damage(sha256_of(theirs_.manifest), flipped(theirs_.manifest));
  backup_->manifests[sha256_of(theirs_.manifest).to_string()] = theirs_.manifest;
  scrub();
  EXPECT_TRUE(run(names.blobs().find(call(), cached_, sha256_of(theirs_.layers[0]))));
  EXPECT_EQ(faults_now(), 0U);
}

TEST_F(ScrubberTest, takes_a_push_for_a_repair) {
  blobs.damage(sha256_of(image_.layers[0]), std::nullopt);
  scrub();
  test::keep_blob(blobs, names, hosted_, image_.layers[0]);
  EXPECT_EQ(faults_now(), 0U);
  EXPECT_TRUE(blob_of(image_.layers[0]));
}

TEST_F(ScrubberTest, goes_on_where_a_tour_was) {
  std::vector<oci::Digest> digests{sha256_of(image_.config), sha256_of(image_.layers[0]), sha256_of(image_.manifest)};
  std::ranges::sort(digests);
  const TourPosition position{.began = digests[0], .last = digests[1]};
  names.tours().note("scrub", {.position = position.to_string(), .started = clock.wall()});
  clock.advance(minutes(11));  // after a start it takes its time
  loops.spawn(0, scrubber_.run());
  while (!run(names.tours().find(call(), "scrub")).value()->finished) std::this_thread::yield();
  scrubber_.stop();
  EXPECT_EQ(scrubber_.progress().checked, 2U) << "the last of all, and the one it began behind";
}

TEST_F(ScrubberTest, takes_one_order_at_a_time) {
  EXPECT_TRUE(scrubber_.order({}));
  EXPECT_TRUE(scrubber_.progress().is_running) << "who has ordered it waits for its end";
  EXPECT_EQ(code_of(scrubber_.order({})), "conflict");
  scrubber_.stop();
  EXPECT_EQ(code_of(scrubber_.order({})), "conflict");
}

}  // namespace
}  // namespace lifeboat::registry
