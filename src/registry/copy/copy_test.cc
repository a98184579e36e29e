#include "registry/copy/copy_test.h"

#include <gtest/gtest.h>

#include "test/support/scripted_source.h"

namespace lifeboat::registry::copy {
namespace {

using copy_test::call;
using copy_test::FakeRegistry;
using copy_test::HurriedClock;
using copy_test::repository;
using copy_test::tag;
using test::image_of;
using test::index_of;
using test::sha256_of;

class CopyTest : public ::testing::Test {
 protected:
  CopyTest() {
    for (const char* name : {"amd", "arm"}) images.push_back(image_of(name, 2));
    index = index_of({{images[0].manifest, "linux/amd64"}, {images[1].manifest, "linux/arm64"}});
    for (const test::Image& image : images) offer(image);
    source.manifests["v1"] = index;
    source.manifests[sha256_of(index).to_string()] = index;
  }

  void offer(const test::Image& image) {
    source.manifests[sha256_of(image.manifest).to_string()] = image.manifest;
    source.blobs[sha256_of(image.config).to_string()] = {.bytes = image.config};
    for (const std::string& layer : image.layers) source.blobs[sha256_of(layer).to_string()] = {.bytes = layer};
  }

  Target to(FakeRegistry& registry, const char* name = "team/app", std::vector<oci::Tag> tags = {tag("v1")}) {
    return {.name = name, .to = registry, .check = registry, .repository = repository(name), .tags = std::move(tags)};
  }
  CopyOrder order() {
    return {
        .from = source, .repository = {.host = std::nullopt, .name = repository()}, .what = oci::Reference(tag("v1"))};
  }
  CopyReport run(CopyOrder what, std::vector<Target> targets) {
    Copy copy(clock, std::move(what), std::move(targets));
    return test::run(copy.run(call()));
  }
  /// In the order of what was written.
  static std::size_t place_of(const FakeRegistry& registry, const std::string& name) {
    return static_cast<std::size_t>(std::ranges::find(registry.log, name) - registry.log.begin());
  }
  static std::string by_digest(const std::string& manifest) {
    return FakeRegistry::at(repository(), sha256_of(manifest));
  }

  HurriedClock clock;
  test::ScriptedSource source;
  std::vector<test::Image> images;
  std::string index;
};

TEST_F(CopyTest, reads_each_blob_once_for_all_targets) {
  FakeRegistry one;
  FakeRegistry other;
  const CopyReport report = run(order(), {to(one), to(other)});
  ASSERT_FALSE(report.failure) << report.failure->message();
  for (const TargetReport& target : report.targets) {
    EXPECT_FALSE(target.failure) << target.failure->message();
    EXPECT_EQ(target.blobs_sent, 6U);
    EXPECT_EQ(target.manifests_sent, 3U);
  }
  EXPECT_EQ(report.digest, sha256_of(index));
  EXPECT_EQ(source.opens, 6);
  EXPECT_EQ(one.blobs, other.blobs);
  EXPECT_EQ(one.blobs.size(), 6U);
  EXPECT_EQ(one.manifests.at("team/app:v1"), index);
}

TEST_F(CopyTest, puts_children_first_and_the_tag_last) {
  FakeRegistry registry;
  run(order(), {to(registry)});
  const std::size_t top = place_of(registry, by_digest(index));
  for (const test::Image& image : images) EXPECT_LT(place_of(registry, by_digest(image.manifest)), top);
  ASSERT_FALSE(registry.log.empty());
  EXPECT_EQ(registry.log.back(), "team/app:v1");
  EXPECT_LT(top, registry.log.size() - 1);
}

TEST_F(CopyTest, sends_what_is_missing_when_it_is_run_again) {
  FakeRegistry registry;
  run(order(), {to(registry)});
  registry.blobs.erase(FakeRegistry::at(repository(), sha256_of(images[0].layers[1])));
  registry.log.clear();
  const CopyReport report = run(order(), {to(registry)});
  EXPECT_FALSE(report.targets.at(0).failure);
  EXPECT_EQ(report.targets.at(0).blobs_sent, 1U);
  EXPECT_EQ(report.targets.at(0).blobs_there, 5U);
  EXPECT_TRUE(registry.log.empty()) << "the manifests and the tag were there";
}

TEST_F(CopyTest, goes_on_without_a_target_that_fails_and_says_which) {
  FakeRegistry good;
  FakeRegistry bad;
  bad.refuses = ErrorCode::denied;
  const CopyReport report = run(order(), {to(bad), to(good)});
  EXPECT_FALSE(report.failure) << "nothing is wrong with the source";
  ASSERT_TRUE(report.targets.at(0).failure);
  EXPECT_EQ(report.targets.at(0).failure->code(), ErrorCode::denied);
  EXPECT_TRUE(bad.log.empty()) << "half a copy has no manifest and no tag";
  EXPECT_FALSE(report.targets.at(1).failure);
  EXPECT_EQ(good.manifests.at("team/app:v1"), index);
}

TEST_F(CopyTest, goes_on_where_an_upload_broke_without_the_others_waiting) {
  FakeRegistry good;
  FakeRegistry shaky;
  shaky.breaks_uploads = 2;
  CopyOrder one_at_a_time = order();
  one_at_a_time.jobs = 1;
  const CopyReport report = run(one_at_a_time, {to(shaky), to(good)});
  EXPECT_FALSE(report.targets.at(0).failure);
  EXPECT_EQ(shaky.blobs, good.blobs);
  EXPECT_EQ(source.opens, 8) << "what broke was read again";
  EXPECT_LT(shaky.bytes_taken, good.bytes_taken) << "from where it was";
}

TEST_F(CopyTest, gives_no_tag_to_what_cannot_be_seen_afterwards) {
  FakeRegistry registry;
  registry.forgets_blobs = true;
  const CopyReport report = run(order(), {to(registry)});
  ASSERT_TRUE(report.targets.at(0).failure);
  EXPECT_EQ(report.targets.at(0).failure->code(), ErrorCode::corrupt);
  EXPECT_TRUE(report.targets.at(0).failure->message().contains("missing")) << report.targets.at(0).failure->message();
  EXPECT_FALSE(registry.manifests.contains("team/app:v1"));
}

TEST_F(CopyTest, tags_nothing_anywhere_when_the_source_lacks_something) {
  FakeRegistry registry;
  source.blobs.erase(sha256_of(images[1].config).to_string());
  const CopyReport report = run(order(), {to(registry)});
  ASSERT_TRUE(report.failure);
  EXPECT_EQ(report.failure->code(), ErrorCode::not_found);
  EXPECT_TRUE(report.targets.at(0).failure);
  EXPECT_TRUE(registry.log.empty());
}

TEST_F(CopyTest, passes_no_wrong_bytes_on) {
  FakeRegistry registry;
  std::string& bytes = source.blobs.at(sha256_of(images[0].layers[0]).to_string()).bytes;
  bytes[0] = '!';
  const CopyReport report = run(order(), {to(registry)});
  ASSERT_TRUE(report.failure);
  EXPECT_EQ(report.failure->code(), ErrorCode::corrupt);
  EXPECT_TRUE(report.failure->message().contains("the source has")) << report.failure->message();
  EXPECT_FALSE(registry.manifests.contains("team/app:v1"));

  bytes += "and more";
  const CopyReport longer = run(order(), {to(registry)});
  ASSERT_TRUE(longer.failure);
  EXPECT_EQ(longer.failure->code(), ErrorCode::corrupt);
}

TEST_F(CopyTest, mounts_between_repositories_of_one_registry) {
  FakeRegistry registry;
  const CopyReport report = run(order(), {to(registry, "a"), to(registry, "b")});
  EXPECT_EQ(report.targets.at(0).blobs_sent, 6U);
  EXPECT_EQ(report.targets.at(1).blobs_mounted, 6U);
  EXPECT_EQ(source.opens, 6);
  EXPECT_EQ(registry.manifests.at("b:v1"), index);

  FakeRegistry mountless;
  mountless.can_mount = false;
  const CopyReport plain = run(order(), {to(mountless, "a"), to(mountless, "b")});
  EXPECT_EQ(plain.targets.at(1).blobs_sent, 6U);
  EXPECT_EQ(mountless.manifests.at("b:v1"), index);
}

TEST_F(CopyTest, writes_nothing_in_a_dry_run) {
  FakeRegistry registry;
  registry.blobs[FakeRegistry::at(repository(), sha256_of(images[0].config))] = images[0].config;
  CopyOrder dry = order();
  dry.is_dry_run = true;
  const CopyReport report = run(dry, {to(registry)});
  EXPECT_EQ(report.targets.at(0).blobs_sent, 5U);
  EXPECT_EQ(report.targets.at(0).blobs_there, 1U);
  EXPECT_TRUE(registry.log.empty());
  EXPECT_EQ(registry.blobs.size(), 1U);
  EXPECT_EQ(source.opens, 0);
}

TEST_F(CopyTest, copies_only_a_platform_and_keeps_the_digest_of_the_index) {
  FakeRegistry registry;
  CopyOrder sparse = order();
  sparse.platforms = {*oci::Platform::parse("linux/arm64")};
  const CopyReport report = run(sparse, {to(registry)});
  EXPECT_FALSE(report.targets.at(0).failure) << report.targets.at(0).failure->message();
  EXPECT_TRUE(report.is_sparse);
  EXPECT_EQ(registry.manifests.at("team/app:v1"), index);
  EXPECT_TRUE(registry.manifests.contains(by_digest(images[1].manifest)));
  EXPECT_FALSE(registry.manifests.contains(by_digest(images[0].manifest)));

  sparse.platforms = {*oci::Platform::parse("linux/s390x")};
  const CopyReport none = run(sparse, {to(registry)});
  ASSERT_TRUE(none.failure);
  EXPECT_EQ(none.failure->code(), ErrorCode::not_found);
}

TEST_F(CopyTest, takes_what_refers_to_it_and_lists_it_where_the_registry_does_not) {
  const test::Image signature = image_of("signature", 1, index);
  offer(signature);
  source.referring[sha256_of(index).to_string()] = {{.digest = sha256_of(signature.manifest),
                                                     .media_type = std::string(oci::kOciManifest),
                                                     .size_bytes = signature.manifest.size(),
                                                     .artifact_type = {},
                                                     .annotations_json = {}}};
  const test::Image cosign = image_of("cosign", 1);
  offer(cosign);
  const std::string cosign_tag = "sha256-" + sha256_of(images[0].manifest).hex() + ".sig";
  source.manifests[cosign_tag] = cosign.manifest;

  FakeRegistry modern;
  FakeRegistry old;
  old.lists_subjects = false;
  CopyOrder all = order();
  all.has_referrers = true;
  const CopyReport report = run(all, {to(modern), to(old)});
  ASSERT_FALSE(report.failure) << report.failure->message();
  const std::string list_tag = "team/app:sha256-" + sha256_of(index).hex();
  for (const FakeRegistry* registry : {&modern, &old}) {
    EXPECT_TRUE(registry->manifests.contains(by_digest(signature.manifest)));
    EXPECT_EQ(registry->manifests.at("team/app:" + cosign_tag), cosign.manifest);
    EXPECT_GT(place_of(*registry, by_digest(signature.manifest)), place_of(*registry, by_digest(index)));
    EXPECT_EQ(registry->log.back(), "team/app:v1");
  }
  EXPECT_FALSE(modern.manifests.contains(list_tag));
  ASSERT_TRUE(old.manifests.contains(list_tag));
  EXPECT_TRUE(old.manifests.at(list_tag).contains(sha256_of(signature.manifest).to_string()));

  FakeRegistry without;
  run(order(), {to(without)});
  EXPECT_FALSE(without.manifests.contains(by_digest(signature.manifest))) << "nobody asked for it";
}

TEST_F(CopyTest, leaves_out_a_referrer_that_the_source_lists_and_has_not) {
  const test::Image signature = image_of("signature", 1, index);
  const test::Image gone = image_of("gone", 1, index);
  offer(signature);
  for (const test::Image& one : {gone, signature}) {
    source.referring[sha256_of(index).to_string()].push_back({.digest = sha256_of(one.manifest),
                                                              .media_type = std::string(oci::kOciManifest),
                                                              .size_bytes = one.manifest.size(),
                                                              .artifact_type = {},
                                                              .annotations_json = {}});
  }
  CopyOrder all = order();
  all.has_referrers = true;
  FakeRegistry registry;
  const CopyReport report = run(all, {to(registry)});
  ASSERT_FALSE(report.failure) << report.failure->message();
  EXPECT_FALSE(report.targets.at(0).failure);
  EXPECT_EQ(report.missing_referrers, std::vector<oci::Digest>{sha256_of(gone.manifest)});
  EXPECT_TRUE(registry.manifests.contains(by_digest(signature.manifest))) << "the others go with it";
  EXPECT_EQ(registry.manifests.at("team/app:v1"), index);

  // What is a child as well has to be there.
  const std::string inner = index_of({{gone.manifest, "linux/amd64"}});
  const std::string outer = index_of({{inner, "linux/amd64"}});
  source.manifests[sha256_of(inner).to_string()] = inner;
  source.manifests["v1"] = outer;
  source.referring[sha256_of(outer).to_string()] = source.referring[sha256_of(index).to_string()];
  FakeRegistry second;
  const CopyReport half = run(all, {to(second)});
  ASSERT_TRUE(half.failure);
  EXPECT_EQ(half.failure->code(), ErrorCode::not_found);
}

TEST_F(CopyTest, lists_what_refers_to_it_when_the_copy_before_was_cut_off) {
  const test::Image signature = image_of("signature", 1, index);
  offer(signature);
  source.referring[sha256_of(index).to_string()] = {{.digest = sha256_of(signature.manifest),
                                                     .media_type = std::string(oci::kOciManifest),
                                                     .size_bytes = signature.manifest.size(),
                                                     .artifact_type = {},
                                                     .annotations_json = {}}};
  CopyOrder all = order();
  all.has_referrers = true;
  const std::string list_tag = "team/app:sha256-" + sha256_of(index).hex();
  FakeRegistry old;
  old.lists_subjects = false;
  run(all, {to(old)});
  ASSERT_EQ(old.manifests.erase(list_tag), 1U);
  const CopyReport again = run(all, {to(old)});
  EXPECT_FALSE(again.targets.at(0).failure);
  ASSERT_TRUE(old.manifests.contains(list_tag)) << "the signature is there, and nobody finds it";
  EXPECT_TRUE(old.manifests.at(list_tag).contains(sha256_of(signature.manifest).to_string()));

  FakeRegistry modern;
  run(all, {to(modern)});
  for (FakeRegistry* registry : {&old, &modern}) {
    registry->log.clear();
    run(all, {to(*registry)});
    EXPECT_TRUE(registry->log.empty()) << "it is listed already";
  }
}

TEST_F(CopyTest, leaves_out_what_may_stay_elsewhere_and_the_source_has_not) {
  const std::string layer = "of windows";
  const std::string config = "{}";
  const std::string manifest =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":)" +
      test::descriptor_of(config, "application/vnd.oci.image.config.v1+json") + R"(,"layers":[)" +
      test::descriptor_of(layer, "application/vnd.oci.image.layer.v1.tar", R"(,"urls":["https://x.example/l"])") + "]}";
  source.manifests["v1"] = manifest;
  source.blobs[sha256_of(config).to_string()] = {.bytes = config};
  FakeRegistry registry;
  const CopyReport report = run(order(), {to(registry)});
  ASSERT_FALSE(report.failure) << report.failure->message();
  EXPECT_FALSE(report.targets.at(0).failure);
  EXPECT_EQ(registry.blobs.size(), 1U);

  source.blobs[sha256_of(layer).to_string()] = {.bytes = layer};
  FakeRegistry second;
  run(order(), {to(second)});
  EXPECT_EQ(second.blobs.size(), 2U) << "what it has goes with it";
}

/// A source of which one body breaks off, once.
class ShakySource final : public blob::Source {
 public:
  ShakySource(test::ScriptedSource& inner, std::string digest) : inner_(inner), digest_(std::move(digest)) {}
  Task<blob::ResolvedTag> resolve(Call call, oci::RepositoryId where, oci::Tag tag) override {
    co_return co_await inner_.resolve(std::move(call), std::move(where), std::move(tag));
  }
  Task<blob::FetchedManifest> manifest(Call call, oci::RepositoryId where, oci::Reference what) override {
    co_return co_await inner_.manifest(std::move(call), std::move(where), std::move(what));
  }
  Task<std::unique_ptr<blob::Stream>> open(Call call, oci::RepositoryId where, oci::Digest digest,
                                           uint64_t from) override {
    const bool is_shaky = digest.to_string() == digest_;
    if (is_shaky) inner_.blobs.at(digest_).fails_after = from == 0 ? 100 : std::string::npos;
    if (is_shaky) begins.push_back(from);
    co_return co_await inner_.open(std::move(call), std::move(where), digest, from);
  }
  Task<TagPage> tags(Call call, oci::RepositoryId where, std::string last, std::size_t limit) override {
    co_return co_await inner_.tags(std::move(call), std::move(where), std::move(last), limit);
  }
  Task<std::vector<oci::Referrer>> referrers(Call call, oci::RepositoryId where, oci::Digest subject) override {
    co_return co_await inner_.referrers(std::move(call), std::move(where), subject);
  }
  std::vector<uint64_t> begins{};

 private:
  test::ScriptedSource& inner_;
  const std::string digest_;
};

TEST_F(CopyTest, reads_a_source_on_where_it_broke_off) {
  ShakySource shaky(source, sha256_of(images[0].layers[0]).to_string());
  FakeRegistry registry;
  const CopyOrder what{
      .from = shaky, .repository = {.host = std::nullopt, .name = repository()}, .what = oci::Reference(tag("v1"))};
  const CopyReport report = run(what, {to(registry)});
  ASSERT_FALSE(report.failure) << report.failure->message();
  EXPECT_EQ(shaky.begins, (std::vector<uint64_t>{0, 100}));
  EXPECT_EQ(registry.blobs.size(), 6U);
}

TEST_F(CopyTest, gives_up_on_a_source_that_breaks_off_at_the_same_place_each_time) {
  source.blobs.at(sha256_of(images[0].layers[0]).to_string()).fails_after = 100;
  FakeRegistry registry;
  const CopyReport report = run(order(), {to(registry)});
  ASSERT_TRUE(report.failure);
  EXPECT_EQ(report.failure->code(), ErrorCode::unavailable);
  EXPECT_TRUE(registry.log.empty());
}

TEST_F(CopyTest, gives_up_on_one_that_is_down_and_serves_the_rest) {
  FakeRegistry down;
  down.is_down = ErrorCode::timed_out;
  FakeRegistry good;
  const CopyReport report = run(order(), {to(down), to(good)});
  ASSERT_TRUE(report.targets.at(0).failure);
  EXPECT_EQ(report.targets.at(0).failure->code(), ErrorCode::timed_out);
  EXPECT_FALSE(report.targets.at(1).failure);
}

TEST_F(CopyTest, holds_nobody_up_for_one_that_does_not_answer_and_serves_it_later) {
  FakeRegistry good;
  FakeRegistry late;
  late.answers_once = [&] { return good.manifests.contains("team/app:v1"); };
  const CopyReport report = run(order(), {to(late), to(good)});
  for (const TargetReport& target : report.targets) {
    EXPECT_FALSE(target.failure) << target.failure->message();
    EXPECT_EQ(target.blobs_sent, 6U);
  }
  EXPECT_EQ(late.manifests.at("team/app:v1"), index);
  EXPECT_EQ(late.blobs, good.blobs);
}

TEST_F(CopyTest, holds_nobody_up_for_one_that_stops_answering_and_serves_it_later) {
  for (const bool is_beginning : {false, true}) {
    FakeRegistry good;
    FakeRegistry late;
    const auto is_served = [&] { return good.manifests.contains("team/app:v1"); };
    (is_beginning ? late.begins_once : late.tells_blobs_once) = is_served;
    const CopyReport report = run(order(), {to(late), to(good)});
    for (const TargetReport& target : report.targets) {
      EXPECT_FALSE(target.failure) << target.failure->message();
      EXPECT_EQ(target.blobs_sent + target.blobs_there, 6U) << "each blob is counted once";
    }
    EXPECT_EQ(late.manifests.at("team/app:v1"), index);
    EXPECT_EQ(late.blobs, good.blobs);
  }
}

TEST_F(CopyTest, goes_to_a_repository_that_a_cache_does_not_know_yet_while_its_upstream_is_down) {
  FakeRegistry cache;
  cache.is_cache_of_a_dead_one = true;
  const CopyReport report = run(order(), {to(cache)});
  EXPECT_FALSE(report.targets.at(0).failure) << report.targets.at(0).failure->message();
  EXPECT_TRUE(cache.manifests.contains("team/app:v1"));
}

TEST_F(CopyTest, does_not_call_failed_what_was_whole_before_the_source_failed) {
  FakeRegistry good;
  FakeRegistry late;
  late.answers_once = [&] {
    const bool is_served = good.manifests.contains("team/app:v1");
    if (is_served) source.blobs.clear();
    return is_served;
  };
  const CopyReport report = run(order(), {to(late), to(good)});
  EXPECT_FALSE(report.failure);
  ASSERT_TRUE(report.targets.at(0).failure);
  EXPECT_EQ(report.targets.at(0).failure->code(), ErrorCode::not_found);
  EXPECT_FALSE(report.targets.at(1).failure);
}

}  // namespace
}  // namespace lifeboat::registry::copy
