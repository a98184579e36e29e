#include "registry/upkeep/capture_test.h"

#include "test/support/code_of.h"

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

TEST_F(CaptureTest, fetches_what_a_manifest_names) {
  publish(amd_, "v1");
  pull_and_work_off("v1");
  EXPECT_TRUE(has(amd_));
  EXPECT_FALSE(job_of(amd_.manifest)) << "nothing is left to do";
  go_down();
  clock.advance(hours(24));
  EXPECT_EQ(get("v1")->bytes, amd_.manifest) << "what was asked for once can be pulled whole";
}

TEST_F(CaptureTest, fetches_of_an_index_what_is_pulled) {
  const std::string index = index_of({{amd_.manifest, "linux/amd64"}, {arm_.manifest, "linux/arm64"}});
  publish(amd_);
  publish(arm_);
  publish(index, "v1");
  pull_and_work_off("v1");
  EXPECT_FALSE(has_manifest(amd_.manifest)) << "nobody has asked for a platform yet";
  pull_and_work_off(digest_of(arm_.manifest));
  EXPECT_TRUE(has(arm_));
  EXPECT_FALSE(has_manifest(amd_.manifest));

  const Image next = image_of("arm, the next", 1);
  const std::string next_index =
      index_of({{image_of("amd, the next", 1).manifest, "linux/amd64"}, {next.manifest, "linux/arm64"}});
  publish(next);
  publish(next_index, "v1");
  clock.advance(minutes(10));
  pull_and_work_off("v1");
  EXPECT_TRUE(has(next)) << "when the tag moves, what is pulled here is fetched before anybody asks";
  EXPECT_FALSE(job_of(next_index));
}

TEST_F(CaptureTest, fetches_the_platforms_the_policy_names) {
  const std::string index = index_of({{amd_.manifest, "linux/amd64"}, {arm_.manifest, "linux/arm64"}});
  publish(amd_);
  publish(arm_);
  publish(index, "v1");
  configure({}, {.is_on = true, .has_all_platforms = false, .platforms = {"linux/arm64"}});
  pull_and_work_off("v1");
  EXPECT_TRUE(has(arm_));
  EXPECT_FALSE(has_manifest(amd_.manifest));
  configure({}, {.is_on = true, .has_all_platforms = true});
  test::run(names.captures().add(call(), repository, sha256_of(index), "", clock.wall())).value();
  work_off();
  EXPECT_TRUE(has(amd_));
}

TEST_F(CaptureTest, fetches_signatures_by_api_and_by_tag) {
  const Image signature = image_of("signature", 1, amd_.manifest);
  const Image by_tag = image_of("by tag", 1);
  const Image of_signature = image_of("of the signature", 1, signature.manifest);
  publish(amd_, "v1");
  publish(signature);
  publish(of_signature);
  publish(by_tag, "sha256-" + sha256_of(amd_.manifest).hex() + ".sig");
  const auto referrer = [](const Image& image) {
    return std::vector<oci::Referrer>{{sha256_of(image.manifest), std::string(oci::kOciManifest), 1, "", ""}};
  };
  source.referring[digest_of(amd_.manifest)] = referrer(signature);
  source.referring[digest_of(signature.manifest)] = referrer(of_signature);
  source.referring[digest_of(of_signature.manifest)] = referrer(amd_);  // a circle
  pull_and_work_off("v1");
  EXPECT_TRUE(has(signature));
  EXPECT_TRUE(has(of_signature));
  EXPECT_TRUE(has(by_tag));
  go_down();
  EXPECT_EQ(test::run(pull.referrers(call(), repository, sha256_of(amd_.manifest)))->size(), 1U);
}

TEST_F(CaptureTest, leaves_signatures_where_the_policy_does_not_want_them) {
  configure({}, {.is_on = true, .has_all_platforms = false, .platforms = {}, .has_referrers = false});
  const Image signature = image_of("signature", 1, amd_.manifest);
  publish(amd_, "v1");
  publish(signature);
  source.referring[digest_of(amd_.manifest)] = {
      {sha256_of(signature.manifest), std::string(oci::kOciManifest), 1, "", ""}};
  pull_and_work_off("v1");
  EXPECT_TRUE(has(amd_));
  EXPECT_FALSE(has_manifest(signature.manifest));
}

TEST_F(CaptureTest, waits_out_an_outage_without_counting_it) {
  publish(amd_, "v1");
  ASSERT_TRUE(get("v1"));
  clock.advance(seconds(1));
  go_down();
  const int asked = source.asked;
  for (int i = 0; i < 20; ++i) {
    work_off();
    clock.advance(minutes(10));
  }
  EXPECT_EQ(source.asked, asked) << "an upstream that cannot be asked is not asked";
  ASSERT_TRUE(job_of(amd_.manifest));
  EXPECT_EQ(job_of(amd_.manifest)->failures, 0U);
  come_back();
  work_off();
  EXPECT_TRUE(has(amd_));
}

TEST_F(CaptureTest, leaves_the_last_requests_to_clients) {
  publish(amd_, "v1");
  ASSERT_TRUE(get("v1"));
  clock.advance(seconds(1));
  source.is_short = true;
  const int asked = source.asked;
  work_off();
  EXPECT_EQ(source.asked, asked);
  EXPECT_EQ(job_of(amd_.manifest)->failures, 0U);
  source.is_short = false;
  clock.advance(minutes(5));
  work_off();
  EXPECT_TRUE(has(amd_));
}

TEST_F(CaptureTest, goes_on_with_the_rest_when_a_layer_is_missing_there) {
  publish(amd_, "v1");
  source.blobs.erase(digest_of(amd_.layers[0]));
  pull_and_work_off("v1");
  EXPECT_TRUE(has_blob(amd_.config));
  EXPECT_TRUE(has_blob(amd_.layers[1]));
  auto job = job_of(amd_.manifest);
  ASSERT_TRUE(job);
  EXPECT_EQ(job->failures, 1U);
  EXPECT_NE(job->last_error.find("no such blob"), std::string::npos) << job->last_error;
  EXPECT_GT(job->due, clock.wall());
  const auto state = test::run(a_capture().state_of(call(), repository, sha256_of(amd_.manifest))).value();
  EXPECT_EQ(state.phase, CaptureState::Phase::waiting);
  EXPECT_EQ(state.holding.missing, std::vector{sha256_of(amd_.layers[0])});

  publish_blob(amd_.layers[0]);
  clock.advance(minutes(1));
  work_off();
  EXPECT_TRUE(has(amd_));
  EXPECT_FALSE(job_of(amd_.manifest));
}

TEST_F(CaptureTest, is_taken_up_by_the_next_process) {
  publish(amd_, "v1");
  ASSERT_TRUE(get("v1"));
  clock.advance(seconds(1));
  source.blobs[digest_of(amd_.layers[1])].fails_after = 10;
  work_off();
  EXPECT_TRUE(has_blob(amd_.layers[0]));
  publish_blob(amd_.layers[1]);
  const int opens = source.opens;
  clock.advance(minutes(1));
  work_off();  // another Capture over the same stores
  EXPECT_TRUE(has(amd_));
  EXPECT_EQ(source.opens - opens, 1) << "what is here is not fetched again";
}

TEST_F(CaptureTest, does_not_wait_for_referrers_for_ever) {
  publish(amd_, "v1");
  ASSERT_TRUE(get("v1"));
  clock.advance(seconds(1));
  source.referrers_fail = ErrorCode::unavailable;
  work_off();
  EXPECT_TRUE(has(amd_));
  for (int i = 0; i < 10 && job_of(amd_.manifest); ++i) {
    clock.advance(hours(6));
    work_off();
  }
  EXPECT_FALSE(job_of(amd_.manifest)) << "the image itself is whole";
}

TEST_F(CaptureTest, prefetches_what_nobody_has_asked_for) {
  const std::string index = index_of({{amd_.manifest, "linux/amd64"}, {arm_.manifest, "linux/arm64"}});
  publish(amd_);
  publish(arm_);
  publish(index, "v1");
  Capture capture = a_capture();
  const auto digest = test::run(capture.prefetch(call(), repository, oci::Reference::parse("v1").value(),
                                                 PlatformsWanted::parse("linux/arm64").value()));
  ASSERT_TRUE(digest) << digest.error().message();
  EXPECT_EQ(digest->digest, sha256_of(index));
  EXPECT_EQ(digest->wanted.to_string(), "linux/arm64");
  EXPECT_EQ(test::run(capture.state_of(call(), repository, digest->digest))->phase, CaptureState::Phase::waiting);
  work_off();
  EXPECT_TRUE(has(arm_));
  EXPECT_FALSE(has_manifest(amd_.manifest));
  const auto state = test::run(capture.state_of(call(), repository, digest->digest)).value();
  EXPECT_EQ(state.phase, CaptureState::Phase::done);
  EXPECT_TRUE(state.holding.is_pullable);
  EXPECT_FALSE(state.holding.is_whole);
}

TEST_F(CaptureTest, prefetches_for_this_machine_when_nothing_else_is_said) {
  const std::string index = index_of({{amd_.manifest, own_platform()}, {arm_.manifest, "plan9/arm64"}});
  publish(amd_);
  publish(arm_);
  publish(index, "v1");
  Capture capture = a_capture();
  ASSERT_TRUE(test::run(capture.prefetch(call(), repository, oci::Reference::parse("v1").value(), {})));
  work_off();
  EXPECT_TRUE(has(amd_));
  EXPECT_FALSE(has_manifest(arm_.manifest));
}

TEST_F(CaptureTest, prefetches_where_nothing_is_captured_unasked) {
  const std::string index = index_of({{amd_.manifest, "plan9/amd64"}, {arm_.manifest, "plan9/arm64"}});
  publish(amd_);
  publish(arm_);
  publish(index, "v1");
  configure({}, {.is_on = false});
  const oci::Reference v1 = oci::Reference::parse("v1").value();
  Capture capture = a_capture();
  ASSERT_TRUE(test::run(capture.prefetch(call(), repository, v1, PlatformsWanted::parse("plan9/arm64").value())));
  work_off();
  EXPECT_TRUE(has(arm_));
  EXPECT_FALSE(has_manifest(amd_.manifest));
  const std::string moved = index_of({{amd_.manifest, "plan9/arm64"}});
  publish(moved, "v1");
  clock.advance(hours(1));
  const auto again = test::run(capture.prefetch(call(), repository, v1, {}));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->wanted.to_string(), "plan9/arm64");
  work_off();
  EXPECT_TRUE(has(amd_)) << "what was asked for before is asked for again, although no client's pull is followed";
}

TEST_F(CaptureTest, tells_the_worst_of_what_fails) {
  const Image broken = image_of("broken", 1);
  publish(broken.manifest, "v1");  // and none of its blobs
  pull_and_work_off("v1");
  Capture capture = a_capture();
  const auto summary = test::run(capture.summary(call()));
  ASSERT_TRUE(summary) << summary.error().message();
  EXPECT_EQ(summary->running, 0U);
  EXPECT_EQ(summary->waiting, 1U);
  EXPECT_EQ(summary->failing, 1U);
  ASSERT_TRUE(summary->worst.has_value());
  EXPECT_EQ(summary->worst->manifest, sha256_of(broken.manifest));
  EXPECT_NE(summary->worst->last_error, "");
  const auto state = test::run(capture.state_of(call(), repository, sha256_of(broken.manifest))).value();
  ASSERT_TRUE(state.next_try.has_value());
  EXPECT_GT(*state.next_try, clock.wall() + seconds(10)) << "it is tried again after a pause";
}

TEST_F(CaptureTest, prefetches_nothing_of_a_hosted_repository) {
  Capture capture = a_capture();
  const oci::RepositoryId hosted{std::nullopt, oci::Repository::parse("team/app").value()};
  const auto digest = test::run(capture.prefetch(call(), hosted, oci::Reference::parse("v1").value(), {}));
  EXPECT_EQ(test::code_of(digest), "unsupported");
}

}  // namespace
}  // namespace lifeboat::registry
