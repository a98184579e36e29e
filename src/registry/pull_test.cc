#include "registry/pull.h"

#include <gtest/gtest.h>

#include "test/support/code_of.h"
#include "test/support/pull_rig.h"

namespace lifeboat::registry {
namespace {

using std::chrono::seconds;
using test::code_of;
using test::digest_of;
using test::Image;
using test::image_of;
using test::index_of;
using test::run;

class PullTest : public testing::Test, protected test::PullRig {
 protected:
  /// The tag moves from `first` (held whole) to `second` (of which only the manifest is here).
  void move_before_the_outage() {
    publish(first_.manifest, "v1");
    ASSERT_TRUE(get("v1"));
    test::keep_blob(blobs, names, repository, first_.config);
    test::keep_blob(blobs, names, repository, first_.layers[0]);
    clock.advance(seconds(100));
    publish(second_.manifest, "v1");
    ASSERT_EQ(get("v1")->bytes, second_.manifest);
    clock.advance(seconds(100));
  }

  const Image first_ = image_of("first", 1);
  const Image second_ = image_of("second", 1);
};

TEST_F(PullTest, serves_what_a_tag_was_while_what_it_is_cannot_be_completed) {
  move_before_the_outage();
  go_down();
  const auto served = get("v1");
  ASSERT_TRUE(served) << served.error().message();
  EXPECT_EQ(served->bytes, first_.manifest);
  ASSERT_TRUE(served->stale);
  EXPECT_EQ(served->stale->reason, "unavailable");
  EXPECT_EQ(served->stale->age, seconds(100)) << "it was true until the tag moved";
  EXPECT_LE(*served->valid_until, clock.now() + seconds(1));

  EXPECT_EQ(get(digest_of(second_.manifest))->bytes, second_.manifest) << "by digest there is nothing to choose";
  test::keep_blob(blobs, names, repository, second_.config);
  test::keep_blob(blobs, names, repository, second_.layers[0]);
  EXPECT_EQ(get("v1")->bytes, second_.manifest) << "whole now";
  come_back();
  EXPECT_EQ(get("v1")->bytes, second_.manifest);
}

TEST_F(PullTest, takes_what_is_damaged_for_what_was_never_here) {
  publish(first_, "v1");
  ASSERT_TRUE(get("v1"));
  test::keep_blob(blobs, names, repository, first_.config);
  blobs.damage(test::sha256_of(first_.manifest), std::string(first_.manifest.size(), 'x'));
  EXPECT_EQ(get("v1")->bytes, first_.manifest) << "of the right length, and wrong: fetched again";
  blobs.damage(test::sha256_of(first_.config), first_.config.substr(1));
  const auto blob = run(pull.blob(call(), repository, test::sha256_of(first_.config)));
  ASSERT_TRUE(blob) << blob.error().message();
  EXPECT_EQ(run(std::get<std::shared_ptr<BlobFetch>>(*blob)->wait_for_promise(call()))->size_bytes,
            first_.config.size());
}

TEST_F(PullTest, says_of_damaged_hosted_content_that_it_is_missing) {
  const oci::RepositoryId hosted{std::nullopt, oci::Repository::parse("team/app").value()};
  test::keep_blob(blobs, names, hosted, first_.config);
  test::keep_blob(blobs, names, hosted, first_.layers[0]);
  test::keep_manifest(blobs, names, hosted, first_.manifest, {"v1"});
  const oci::Digest config = test::sha256_of(first_.config);
  blobs.damage(config, first_.config + "more");
  EXPECT_EQ(code_of(run(pull.blob(call(), hosted, config))), "not_found") << "so that a client pushes it again";
  EXPECT_EQ(run(names.blobs().missing(call(), hosted, {config})).value(), std::vector{config})
      << "a manifest that names it is refused until it is here again";
  test::keep_blob(blobs, names, hosted, first_.config);
  EXPECT_TRUE(run(pull.blob(call(), hosted, config)));
  blobs.damage(test::sha256_of(first_.manifest), std::nullopt);
  EXPECT_EQ(code_of(run(pull.manifest(call(), hosted, oci::Reference::parse("v1").value()))), "not_found");
}

TEST_F(PullTest, decides_so_for_a_fresh_tag_as_well) {
  move_before_the_outage();
  configure({.fresh_for = seconds(3600)}, {});
  EXPECT_EQ(get("v1")->bytes, second_.manifest) << "the upstream can give the rest";
  const int asked = source.asked;
  source.is_reachable = false;
  const auto served = get("v1");
  ASSERT_TRUE(served) << served.error().message();
  EXPECT_EQ(served->bytes, first_.manifest);
  EXPECT_EQ(served->stale->reason, "unavailable");
  EXPECT_LE(*served->valid_until, clock.now() + seconds(1)) << "not for the whole window";
  EXPECT_EQ(source.asked, asked) << "nobody is asked while nothing answers";
}

TEST_F(PullTest, refuses_a_tag_of_which_nothing_is_whole) {
  publish(first_.manifest, "v1");
  ASSERT_TRUE(get("v1"));
  go_down();
  for (const seconds later : {seconds(0), seconds(3600)}) {
    clock.advance(later);
    const auto served = get("v1");
    EXPECT_EQ(code_of(served), "unavailable") << "an outage is never 'not found', and never half an image";
  }
}

TEST_F(PullTest, relies_on_an_upstream_that_is_only_slow) {
  publish(first_.manifest, "v1");
  ASSERT_TRUE(get("v1"));
  clock.advance(seconds(100));
  source.fails = ErrorCode::timed_out;
  EXPECT_EQ(get("v1")->stale->reason, "timeout");
  source.fails = ErrorCode::too_many;
  EXPECT_EQ(get("v1")->stale->reason, "rate-limited");
  source.fails = ErrorCode::unauthorized;
  EXPECT_EQ(code_of(get("v1")), "unavailable") << "who refuses us gives us no layers";
}

TEST_F(PullTest, leaves_the_last_requests_to_what_is_not_held) {
  publish(first_, "v1");
  ASSERT_TRUE(get("v1"));
  clock.advance(seconds(100));
  source.is_short = true;
  const int asked = source.asked;
  const auto served = get("v1");
  ASSERT_TRUE(served);
  EXPECT_EQ(served->stale->reason, "rate-limited");
  EXPECT_EQ(source.asked, asked);
  publish(second_, "v2");
  EXPECT_TRUE(get("v2")) << "what is not held is asked for";
  clock.advance(seconds(3600));
  EXPECT_FALSE(get("v1")->stale) << "not for ever";
}

TEST_F(PullTest, tells_of_a_tag_that_is_gone_how_long_ago_it_was_there) {
  publish(first_, "v1");
  ASSERT_TRUE(get("v1"));
  source.manifests.erase("v1");
  for (const int minutes : {2, 4, 6}) {  // each time past fresh_for: the upstream is asked again
    clock.advance(seconds(120));
    for (const char* which : {"just asked", "asked lately"}) {
      const auto served = get("v1");
      ASSERT_TRUE(served) << served.error().message();
      ASSERT_TRUE(served->stale);
      EXPECT_EQ(served->stale->reason, "gone");
      EXPECT_EQ(served->stale->age, seconds(60 * minutes)) << which << ": it was last there when it was first pulled";
    }
  }
  source.fails = ErrorCode::timed_out;
  clock.advance(seconds(120));
  EXPECT_EQ(get("v1")->stale->age, seconds(480)) << "an outage behind that confirms nothing either";
}

TEST_F(PullTest, asks_nobody_for_a_held_tag_while_nobody_answers) {
  publish(first_, "v1");
  ASSERT_TRUE(get("v1"));
  test::keep_blob(blobs, names, repository, first_.config);
  test::keep_blob(blobs, names, repository, first_.layers[0]);
  clock.advance(seconds(100));
  source.is_reachable = false;  // and would answer, if it were asked
  const int asked = source.asked;
  const auto served = get("v1");
  ASSERT_TRUE(served) << served.error().message();
  EXPECT_EQ(served->stale->reason, "unavailable");
  EXPECT_EQ(source.asked, asked);
}

TEST_F(PullTest, prefers_what_is_whole_where_it_is_unclear_who_gives_the_rest) {
  move_before_the_outage();
  configure({.fresh_for = Duration(0)}, {});
  source.fails = ErrorCode::timed_out;
  EXPECT_EQ(get("v1")->bytes, second_.manifest) << "who is only slow gives the rest";
  source.fails = ErrorCode::too_many;
  auto served = get("v1");
  ASSERT_TRUE(served) << served.error().message();
  EXPECT_EQ(served->bytes, first_.manifest) << "who wants a pause may not";
  EXPECT_EQ(served->stale->reason, "rate-limited");
  source.fails.reset();
  source.manifests.erase("v1");
  served = get("v1");
  ASSERT_TRUE(served) << served.error().message();
  EXPECT_EQ(served->bytes, first_.manifest) << "who has the tag no more may not have its layers";
  EXPECT_EQ(served->stale->reason, "gone");
  configure({.fresh_for = seconds(3600)}, {});
  EXPECT_EQ(get("v1")->bytes, first_.manifest) << "nor while it is not asked again";
}

TEST_F(PullTest, serves_in_part_what_may_be_completed_when_nothing_earlier_is_whole) {
  publish(first_.manifest, "v1");
  ASSERT_TRUE(get("v1"));
  clock.advance(seconds(100));
  publish(second_.manifest, "v1");
  ASSERT_TRUE(get("v1"));
  clock.advance(seconds(100));
  source.fails = ErrorCode::too_many;
  auto served = get("v1");
  ASSERT_TRUE(served) << served.error().message();
  EXPECT_EQ(served->bytes, second_.manifest);
  EXPECT_EQ(served->stale->reason, "rate-limited");
  source.fails.reset();
  source.manifests.erase("v1");
  served = get("v1");
  ASSERT_TRUE(served) << served.error().message();
  EXPECT_EQ(served->bytes, second_.manifest);
  EXPECT_EQ(served->stale->reason, "gone");
}

/// Makes every host one of this source.
class AnyHost final : public HostsOnDemand {
 public:
  explicit AnyHost(UpstreamHost host) : host_(std::move(host)) {}
  bool allows(const oci::RegistryHost&) const override { return true; }
  const UpstreamHost* find(const oci::RegistryHost&) override { return &host_; }

 private:
  UpstreamHost host_;
};

TEST_F(PullTest, counts_all_hosts_that_clients_name_as_one) {
  const oci::RepositoryId named_by_a_client{oci::RegistryHost::parse("made.example").value(), repository.name};
  AnyHost any({.host = *named_by_a_client.host, .source = &source, .freshness = {}});
  auto with_any = std::make_shared<UpstreamHosts>(*hosts);
  with_any->on_demand = &any;
  addressing.replace_hosts(with_any);
  publish(first_, "v1");
  ASSERT_TRUE(get("v1"));
  const oci::Reference v1 = oci::Reference::parse("v1").value();
  ASSERT_TRUE(test::run(pull.manifest(call(), named_by_a_client, v1)));
  const std::string text = metrics.render();
  EXPECT_TRUE(text.contains(R"(lifeboat_pull_answers_total{host="ghcr.io",result="miss"} 1)")) << text;
  EXPECT_TRUE(text.contains(R"(lifeboat_pull_answers_total{host="*",result="miss"} 1)")) << text;
  EXPECT_FALSE(text.contains("made.example")) << "clients make labels:\n" << text;
}

TEST_F(PullTest, serves_an_index_that_is_whole_for_one_platform) {
  const std::string index = index_of({{first_.manifest, "linux/amd64"}, {second_.manifest, "linux/arm64"}});
  publish(index, "v1");
  publish(first_.manifest);
  ASSERT_TRUE(get("v1"));
  ASSERT_TRUE(get(digest_of(first_.manifest)));
  go_down();
  EXPECT_EQ(code_of(get("v1")), "unavailable");
  test::keep_blob(blobs, names, repository, first_.config);
  test::keep_blob(blobs, names, repository, first_.layers[0]);
  EXPECT_EQ(get("v1")->bytes, index);
}

TEST_F(PullTest, keeps_a_capture_of_what_came_when_the_policy_wants_it) {
  publish(first_.manifest, "v1");
  ASSERT_TRUE(get("v1"));
  EXPECT_EQ(test::run(names.captures().totals(call()))->waiting, 0U);
  configure({}, {.is_on = true});
  publish(second_.manifest, "v2");
  ASSERT_TRUE(get("v2"));
  const auto job = test::run(names.captures().find(call(), repository, test::sha256_of(second_.manifest))).value();
  ASSERT_TRUE(job);
  EXPECT_GT(job->due, clock.wall()) << "whoever pulls goes first";
  EXPECT_EQ(test::run(names.captures().totals(call()))->waiting, 1U);
}

}  // namespace
}  // namespace lifeboat::registry
