#include "registry/upkeep/evictor.h"

#include <gtest/gtest.h>

#include <string>

#include "registry/upkeep/collector.h"
#include "test/support/pull_rig.h"

namespace lifeboat::registry {
namespace {

using test::a_call;
using test::run;
using test::sha256_of;

/// Tells when an image has gone.
class WatchedEviction final : public meta::EvictionIndex {
 public:
  explicit WatchedEviction(meta::EvictionIndex& real) : real_(real) {}
  Task<meta::EvictionPage> look(Call call, meta::EvictionPosition from, std::size_t rows_max) override {
    return real_.look(std::move(call), from, rows_max);
  }
  Task<meta::Evicted> evict(Call call, meta::CachedImage image) override {
    auto evicted = co_await real_.evict(std::move(call), std::move(image));
    if (on_evicted) on_evicted();
    co_return evicted;
  }
  std::function<void()> on_evicted;

 private:
  meta::EvictionIndex& real_;
};

/// Tags whose history is lost.
class UnrememberedTags final : public meta::TagIndex {
 public:
  explicit UnrememberedTags(meta::TagIndex& real) : real_(real) {}
  Task<meta::TagRecord> find(Call call, oci::RepositoryId repository, oci::Tag tag) override {
    return real_.find(std::move(call), std::move(repository), std::move(tag));
  }
  Task<meta::TagPage> list(Call call, oci::RepositoryId repository, std::string last, std::size_t limit) override {
    return real_.list(std::move(call), std::move(repository), std::move(last), limit);
  }
  Task<void> point(Call call, oci::RepositoryId repository, oci::Tag tag, oci::Digest digest,
                   std::string source) override {
    return real_.point(std::move(call), std::move(repository), std::move(tag), digest, std::move(source));
  }
  Task<void> remove(Call call, oci::RepositoryId repository, oci::Tag tag) override {
    return real_.remove(std::move(call), std::move(repository), std::move(tag));
  }
  void note_checked(oci::RepositoryId repository, oci::Tag tag, WallTime checked, bool is_gone) override {
    real_.note_checked(std::move(repository), std::move(tag), checked, is_gone);
  }
  Task<std::vector<meta::TagPast>> history(Call, oci::RepositoryId, oci::Tag, std::size_t) override {
    co_return std::vector<meta::TagPast>();
  }
  Task<meta::TagPage> remembered(Call, oci::RepositoryId, std::string, std::size_t) override {
    co_return meta::TagPage();
  }

 private:
  meta::TagIndex& real_;
};

class UnrememberingNames final : public meta::Store {
 public:
  explicit UnrememberingNames(meta::Store& real) : real_(real), tags_(real.tags()) {}
  meta::BlobIndex& blobs() override { return real_.blobs(); }
  meta::ManifestIndex& manifests() override { return real_.manifests(); }
  meta::TagIndex& tags() override { return tags_; }
  meta::RepositoryIndex& repositories() override { return real_.repositories(); }
  meta::UploadIndex& uploads() override { return real_.uploads(); }
  meta::CaptureIndex& captures() override { return real_.captures(); }
  meta::TourIndex& tours() override { return real_.tours(); }
  meta::FaultIndex& faults() override { return real_.faults(); }
  meta::ReclaimIndex& reclaim() override { return real_.reclaim(); }
  meta::UsageIndex& usage() override { return real_.usage(); }
  Task<meta::StoreTotals> totals(Call call) override { return real_.totals(std::move(call)); }
  Status close() override { return {}; }

 private:
  meta::Store& real_;
  UnrememberedTags tags_;
};

/// Images of "ghcr.io/org/app", which is there, put into the cache a second after each other.
class EvictorTest : public testing::Test, protected test::PullRig {
 protected:
  test::Image cache(const std::string& name) { return cache_into(repository, name); }
  test::Image cache_into(const oci::RepositoryId& where, const std::string& name) {
    clock.advance(std::chrono::seconds(1));
    test::Image image = test::image_of(name, 2);
    test::keep_blob(blobs, names, where, image.config);
    for (const std::string& layer : image.layers) test::keep_blob(blobs, names, where, layer);
    test::keep_manifest(blobs, names, where, image.manifest, {name});
    publish(image, name);
    return image;
  }
  bool is_on_disk(const std::string& bytes) { return run(blobs.open(a_call(), sha256_of(bytes))).has_value(); }
  bool is_whole(const test::Image& image) {
    return is_on_disk(image.manifest) && is_on_disk(image.config) && is_on_disk(image.layers[0]) &&
           is_on_disk(image.layers[1]);
  }
  bool is_gone(const test::Image& image) {
    return !is_on_disk(image.manifest) && !is_on_disk(image.config) && !is_on_disk(image.layers[0]) &&
           !is_on_disk(image.layers[1]) && !has_manifest(image.manifest);
  }
  static uint64_t size_of(const test::Image& image) {
    return image.config.size() + image.layers[0].size() + image.layers[1].size();
  }
  Result<EvictionReport> look() { return run(evictor_.look(call())); }
  /// Marks that are passed by a byte, and reached with `images` of this size gone.
  void want_gone(const test::Image& image, uint64_t images) {
    const uint64_t used_bytes = run(names.totals(call()))->blob_bytes;
    above_bytes_ = used_bytes - 1;
    below_bytes_ = used_bytes - images * size_of(image);
  }

  uint64_t above_bytes_ = 0;
  uint64_t below_bytes_ = 0;
  bool is_frozen_ = false;
  std::vector<oci::FullReference> always_held_;
  Collector collector_{{.sweep = {.blobs = blobs,
                                  .inventory = blobs,
                                  .names = names,
                                  .leases = leases,
                                  .stamps = stamps,
                                  .is_frozen = [this](const auto&) { return is_frozen_; }},
                        .clock = clock,
                        .loops = loops,
                        .metrics = metrics,
                        .log = log},
                       {}};
  WatchedEviction eviction_{names.eviction()};
  Evictor evictor_ = an_evictor(names, Duration(0));

  Evictor an_evictor(meta::Store& over, Duration unused_for) {
    return Evictor({.eviction = eviction_,
                    .blobs = blobs,
                    .names = over,
                    .addressing = addressing,
                    .stamps = stamps,
                    .measure = [this](Call asked) { return measure(std::move(asked)); },
                    .always_held = [this] { return always_held_; },
                    .is_frozen = [this](const auto&) { return is_frozen_; },
                    .collector = collector_,
                    .clock = clock,
                    .metrics = metrics,
                    .log = log},
                   unused_for);
  }
  Task<EvictionSpace> measure(Call asked) {
    LB_CO_TRY(const meta::StoreTotals totals, co_await names.totals(std::move(asked)));
    EvictionSpace space{.used_bytes = totals.blob_bytes, .above_bytes = above_bytes_, .below_bytes = below_bytes_};
    co_return space;
  }
};

TEST_F(EvictorTest, takes_nothing_below_the_mark) {
  const test::Image image = cache("one");
  above_bytes_ = size_of(image);
  const auto report = look();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->wanted_bytes, 0U);
  EXPECT_TRUE(is_whole(image));
}

TEST_F(EvictorTest, takes_the_longest_unused_whole_and_their_bytes_at_once) {
  const test::Image first = cache("1st");
  const test::Image second = cache("2nd");
  const test::Image third = cache("3rd");
  clock.advance(std::chrono::seconds(1));
  names.usage().note_pulled(repository, sha256_of(first.manifest), clock.wall());
  want_gone(second, 1);
  const auto stamp = stamps.of(repository).load();
  const auto report = look();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->images, 1U);
  EXPECT_EQ(report->contents, 4U);
  EXPECT_EQ(report->bytes, size_of(second) + second.manifest.size());
  EXPECT_TRUE(is_gone(second));
  EXPECT_TRUE(is_whole(first)) << "it came first, and was pulled since";
  EXPECT_TRUE(is_whole(third));
  EXPECT_NE(stamps.of(repository).load(), stamp) << "answers that were prepared still have it";
  EXPECT_NE(metrics.render().find("lifeboat_evicted_contents_total 4"), std::string::npos) << metrics.render();
  EXPECT_EQ(look()->wanted_bytes, 0U) << "there is room now";
  ASSERT_TRUE(get("2nd")) << "the upstream still has it";
  EXPECT_TRUE(has_manifest(second.manifest));
}

TEST_F(EvictorTest, takes_nothing_of_a_host_that_does_not_answer) {
  const test::Image image = cache("one");
  want_gone(image, 1);
  is_frozen_ = true;
  EXPECT_EQ(look()->frozen, 1U) << "the host is frozen";
  is_frozen_ = false;
  go_down();
  EXPECT_EQ(look()->frozen, 1U) << "its breaker is open";
  source.is_reachable = true;
  EXPECT_EQ(look()->frozen, 1U) << "nobody knows yet that it is down";
  source.fails = ErrorCode::unauthorized;
  EXPECT_EQ(look()->images, 0U) << "it would not give it again";
  EXPECT_TRUE(is_whole(image));
  come_back();
  EXPECT_EQ(look()->images, 1U);
  EXPECT_TRUE(is_gone(image));
}

TEST_F(EvictorTest, asks_again_whether_its_host_is_still_there) {
  const test::Image first = cache("1st");
  const test::Image second = cache("2nd");
  want_gone(first, 2);
  // The upstream dies behind the first image, and nobody else finds that out.
  eviction_.on_evicted = [this] {
    source.fails = ErrorCode::unavailable;
    clock.advance(std::chrono::seconds(11));
  };
  const auto report = look();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->images, 1U);
  EXPECT_TRUE(is_whole(second)) << "its upstream had stopped answering when it went";
}

TEST_F(EvictorTest, asks_for_each_repository_and_goes_on_with_those_that_would_be_given_again) {
  const oci::RepositoryId refused{*repository.host, oci::Repository::parse("org/private").value()};
  const test::Image private_image = cache_into(refused, "private");
  const test::Image image = cache("one");
  source.manifests[test::digest_of(private_image.manifest)] = "a page to log in";
  want_gone(image, 2);
  const auto report = look();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_TRUE(is_whole(private_image)) << "nobody would give it again";
  EXPECT_TRUE(is_gone(image)) << "its repository is another one";
}

TEST_F(EvictorTest, keeps_the_last_copies_of_what_its_upstream_has_lost) {
  const test::Image first = cache("1st");
  const test::Image second = cache("2nd");
  want_gone(first, 2);
  source.manifests.clear();
  source.blobs.clear();
  const auto report = look();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->images, 0U) << "a wiped registry says 404 of all it had, and so does one that hides it from us";
  EXPECT_EQ(report->frozen, 2U);
  EXPECT_TRUE(is_whole(first));
  EXPECT_TRUE(is_whole(second));
}

TEST_F(EvictorTest, takes_what_its_upstream_has_no_more_while_that_gives_the_rest_of_the_repository) {
  const test::Image first = cache("1st");
  const test::Image second = cache("2nd");
  source.manifests.erase(test::digest_of(first.manifest));
  want_gone(first, 1);
  ASSERT_TRUE(look());
  EXPECT_TRUE(is_gone(first)) << "what is unused for the longest is not held because it has become unique";
  EXPECT_TRUE(is_whole(second));
}

TEST_F(EvictorTest, keeps_what_its_upstream_has_no_more_where_nothing_else_speaks_for_the_repository) {
  const oci::RepositoryId other{*repository.host, oci::Repository::parse("org/other").value()};
  const test::Image alone = cache_into(other, "alone");
  const test::Image image = cache("one");
  source.manifests.erase(test::digest_of(alone.manifest));
  want_gone(image, 1);
  ASSERT_TRUE(look());
  EXPECT_TRUE(is_whole(alone)) << "it may be hidden from us: repositories are given to whom they may be seen by";
  EXPECT_TRUE(is_gone(image));
}

TEST_F(EvictorTest, leaves_an_upstream_alone_that_takes_few_more_requests) {
  const test::Image image = cache("one");
  want_gone(image, 1);
  source.is_short = true;
  EXPECT_EQ(look()->frozen, 1U);
  EXPECT_TRUE(is_whole(image));
}

TEST_F(EvictorTest, keeps_what_a_tag_was_until_what_it_is_now_is_whole) {
  const test::Image before = cache("v1");
  const test::Image after = test::image_of("moved", 2);
  clock.advance(std::chrono::seconds(1));
  test::keep_manifest(blobs, names, repository, after.manifest, {"v1"});
  ASSERT_TRUE(run(names.captures().add(call(), repository, sha256_of(after.manifest), "", clock.wall())));
  above_bytes_ = 0;
  ASSERT_TRUE(look());
  EXPECT_TRUE(is_whole(before)) << "it is what an outage at this moment would be served with";
}

TEST_F(EvictorTest, takes_nothing_that_was_used_just_before) {
  Evictor patient = an_evictor(names, std::chrono::minutes(10));
  const test::Image image = cache("one");
  clock.advance(std::chrono::hours(1));
  want_gone(image, 1);
  names.usage().note_pulled(repository, sha256_of(image.manifest), clock.wall());
  clock.advance(std::chrono::minutes(9));
  EXPECT_EQ(run(patient.look(call()))->in_use, 1U) << "whoever has got the manifest comes for the layers";
  EXPECT_TRUE(is_whole(image));
  // It was got as often as clients like, and noted once.
  clock.advance(meta::kPullNotedWithin);
  EXPECT_EQ(run(patient.look(call()))->in_use, 1U) << "it may have been pulled just before the note was a new one";
  clock.advance(std::chrono::minutes(2));
  EXPECT_EQ(run(patient.look(call()))->images, 1U);
}

TEST_F(EvictorTest, gives_bytes_back_also_after_the_clock_was_set) {
  const test::Image image = cache("one");
  want_gone(image, 1);
  clock.set_wall_by(std::chrono::days(400));
  const auto report = look();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_TRUE(is_gone(image)) << "the disk would stay full for as long as the collector waits";
}

TEST_F(EvictorTest, leaves_what_an_always_held_manifest_refers_to) {
  const test::Image image = cache("one");
  const std::string signature = test::image_of("signature", 0, image.manifest).manifest;
  test::keep_manifest(blobs, names, repository, signature);
  above_bytes_ = 0;
  always_held_.push_back(oci::FullReference::parse("ghcr.io/org/app@" + sha256_of(signature).to_string()).value());
  EXPECT_EQ(look()->pinned, 1U);
  EXPECT_TRUE(is_whole(image));
}

TEST_F(EvictorTest, leaves_what_is_hosted_pinned_or_always_held) {
  const oci::RepositoryId hosted{std::nullopt, oci::Repository::parse("team/app").value()};
  const test::Image pushed = cache_into(hosted, "pushed");
  const test::Image pinned = cache("pinned");
  const test::Image prefetched = cache("prefetched");
  const test::Image free = cache("free");
  ASSERT_TRUE(run(names.usage().add_pin(call(), {.repository = repository, .reference = "pinned"})));
  always_held_.push_back(oci::FullReference::parse("ghcr.io/org/app:prefetched").value());
  above_bytes_ = 0;
  below_bytes_ = 0;
  const auto report = look();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->images, 1U);
  EXPECT_LT(report->bytes, report->wanted_bytes);
  EXPECT_EQ(report->pinned, 2U);
  EXPECT_TRUE(is_gone(free));
  for (const test::Image& kept : {pushed, pinned, prefetched}) EXPECT_TRUE(is_whole(kept)) << kept.config;
  EXPECT_NE(metrics.render().find("lifeboat_evict_last_success_timestamp_seconds 0"), std::string::npos)
      << "it did not come below its mark: " << metrics.render();
  EXPECT_NE(metrics.render().find("lifeboat_evict_used_bytes " + std::to_string(report->wanted_bytes)),
            std::string::npos)
      << metrics.render();
}

TEST_F(EvictorTest, leaves_what_is_always_held_by_a_tag_whose_history_is_lost) {
  const test::Image image = cache("v1");
  always_held_.push_back(oci::FullReference::parse("ghcr.io/org/app:v1").value());
  above_bytes_ = 0;
  UnrememberingNames unremembering(names);
  EXPECT_EQ(run(an_evictor(unremembering, Duration(0)).look(call()))->pinned, 1U);
  EXPECT_TRUE(is_whole(image));
}

TEST_F(EvictorTest, makes_room_with_what_nothing_needs_first) {
  const test::Image image = cache("one");
  test::keep_blob(blobs, names, repository, std::string(1000, 'l'));
  clock.advance(std::chrono::hours(25));
  above_bytes_ = size_of(image) + 10;
  EXPECT_EQ(look()->wanted_bytes, 0U);
  EXPECT_TRUE(is_whole(image));
}

TEST_F(EvictorTest, evicts_no_more_while_the_store_fails_its_own_check) {
  const oci::RepositoryId hosted{std::nullopt, oci::Repository::parse("team/app").value()};
  const test::Image pushed = cache_into(hosted, "pushed");
  const test::Image cached = cache("cached");
  ASSERT_TRUE(run(blobs.remove(a_call(), sha256_of(pushed.layers[0]))));
  want_gone(cached, 1);
  const auto report = look();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code(), ErrorCode::corrupt);
  EXPECT_TRUE(is_whole(cached));
}

TEST_F(EvictorTest, tells_what_went_also_when_its_bytes_could_not_be_given_back) {
  const oci::RepositoryId hosted{std::nullopt, oci::Repository::parse("team/app").value()};
  const test::Image pushed = cache_into(hosted, "pushed");
  const test::Image cached = cache("cached");
  want_gone(cached, 1);
  eviction_.on_evicted = [&] { ASSERT_TRUE(run(blobs.remove(a_call(), sha256_of(pushed.layers[0])))); };
  log.set_options({.level = LogLevel::info});
  testing::internal::CaptureStderr();
  const auto report = look();
  const std::string told = testing::internal::GetCapturedStderr();
  ASSERT_FALSE(report) << "the collector unlinks nothing of a store that fails its own check";
  EXPECT_FALSE(has_manifest(cached.manifest));
  EXPECT_NE(told.find("evict.ended"), std::string::npos) << told;
  EXPECT_NE(metrics.render().find("lifeboat_evicted_contents_total 4"), std::string::npos) << metrics.render();
}

}  // namespace
}  // namespace lifeboat::registry
