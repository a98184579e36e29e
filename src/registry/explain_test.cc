#include "registry/explain.h"

#include <gtest/gtest.h>

#include <set>

#include "test/support/code_of.h"
#include "test/support/pull_rig.h"

namespace lifeboat::registry {
namespace {

using Answer = Outlook::Answer;
using std::chrono::seconds;
using test::digest_of;
using test::Image;
using test::image_of;
using test::index_of;
using test::sha256_of;

class ExplainTest : public testing::Test, protected test::PullRig {
 protected:
  Result<Explanation> about(const std::string& reference) {
    return test::run(explain_.of(call(), oci::FullReference::parse(reference).value()));
  }
  Explanation about_tag() { return about("ghcr.io/org/app:v1").value(); }
  void keep(const Image& image) {
    test::keep_blob(blobs, names, repository, image.config);
    for (const std::string& layer : image.layers) test::keep_blob(blobs, names, repository, layer);
  }
  /// What a pull then gets, in the words of an outlook.
  std::string got(const std::string& reference) {
    const auto served = get(reference);
    if (!served) return std::string(test::code_of(served));
    return served->stale ? "200 " + served->stale->reason : "200";
  }
  /// The same as it was foretold.
  static std::string foretold(const Outlook& outlook, bool upstream_answers) {
    Answer answer = outlook.answer;
    if (answer == Answer::ask && !upstream_answers) answer = *outlook.when_silent;
    switch (answer) {
      case Answer::store:
      case Answer::ask:
      case Answer::incomplete: return "200";
      case Answer::stale:
      case Answer::earlier:
      case Answer::gone: return "200 " + outlook.reason;
      case Answer::unavailable: return "unavailable";
      case Answer::not_found: return "not_found";
    }
    return "";
  }

  Capture capture_{{.walk = {blobs, names, manifest_fetches, blob_fetches, clock},
                    .addressing = addressing,
                    .pull = pull,
                    .loops = loops,
                    .metrics = metrics,
                    .log = log},
                   {}};
  Freeze freeze_{names, clock, metrics, log};
  Explain explain_{{blobs, names, addressing, capture_, freeze_, clock}};
  const Image first_ = image_of("first", 1);
  const Image second_ = image_of("second", 1);
};

/// How it came to what is held.
enum class Past { nothing, pulled_in_part, pulled_whole, moved_since };

struct Scene {
  Past past;
  bool is_tag, is_old, is_down, is_short;
  FreshnessPolicy policy;
};

/// Plays one scene: what was foretold, and what a pull then got.
class Stage : public ExplainTest {
 public:
  void TestBody() override {}
  void play(const Scene& scene, const std::string& how, std::set<std::string>& seen) {
    configure(scene.policy, {});
    publish(first_, "v1");
    const std::string digest = digest_of(scene.past == Past::moved_since ? second_.manifest : first_.manifest);
    const std::string reference = scene.is_tag ? "v1" : digest;
    if (scene.past != Past::nothing) {
      ASSERT_TRUE(get("v1")) << how;
    }
    if (scene.past == Past::pulled_whole || scene.past == Past::moved_since) keep(first_);
    if (scene.past == Past::moved_since) {
      clock.advance(seconds(100));
      publish(second_, "v1");
      ASSERT_TRUE(get("v1")) << how;
    }
    if (scene.is_old) clock.advance(seconds(100));
    if (scene.is_down) go_down();
    source.is_short = scene.is_short;
    const int asked = source.asked;
    const auto told = about("ghcr.io/org/app" + (scene.is_tag ? ":v1" : "@" + digest));
    ASSERT_TRUE(told) << how << ": " << told.error().message();
    EXPECT_EQ(source.asked, asked) << how << ": an upstream was asked";
    EXPECT_EQ(foretold(told->outlook, !scene.is_down), got(reference)) << how;
    seen.insert(std::string(to_string(told->outlook.answer)));
  }
};

TEST(Explain, foretells_what_a_pull_gets_and_asks_nobody) {
  const FreshnessPolicy policies[] = {{}, {.max_stale = seconds(10)}, {.drops_gone = true}};
  const char* pasts[] = {"nothing held", "held in part", "held whole", "moved, and the new one held in part"};
  std::set<std::string> seen;
  for (unsigned number = 0; number < 4 * 16 * std::size(policies); ++number) {
    const Scene scene{.past = static_cast<Past>(number / 16 % 4),
                      .is_tag = (number & 1U) != 0,
                      .is_old = (number & 2U) != 0,
                      .is_down = (number & 4U) != 0,
                      .is_short = (number & 8U) != 0,
                      .policy = policies[number / 64]};
    const std::string how = std::string(pasts[number / 16 % 4]) + (scene.is_tag ? ", by tag" : ", by digest") +
                            (scene.is_old ? ", old" : "") + (scene.is_down ? ", down" : "") +
                            (scene.is_short ? ", short of requests" : "") + ", policy " + std::to_string(number / 64);
    Stage stage;
    stage.play(scene, how, seen);
  }
  EXPECT_EQ(seen, (std::set<std::string>{"ask", "earlier", "incomplete", "stale", "store", "unavailable"}));
}

TEST_F(ExplainTest, tells_what_is_held_and_what_is_missing) {
  const std::string index = index_of({{first_.manifest, "linux/amd64"}, {second_.manifest, "linux/arm64"}});
  publish(first_);
  publish(second_);
  publish(index, "v1");
  ASSERT_TRUE(get("v1"));
  ASSERT_TRUE(get(digest_of(first_.manifest)));
  keep(first_);
  ASSERT_TRUE(get(digest_of(second_.manifest)));
  const Explanation told = about_tag();
  EXPECT_EQ(told.digest, sha256_of(index));
  ASSERT_EQ(told.children.size(), 2U);
  EXPECT_EQ(told.children[0].platform, "linux/amd64");
  EXPECT_TRUE(told.children[0].is_whole);
  EXPECT_TRUE(told.children[1].is_here);
  EXPECT_FALSE(told.children[1].is_whole);
  EXPECT_EQ(told.children[1].missing, 2U);
  ASSERT_TRUE(told.tag.has_value());
  EXPECT_EQ(told.tag->checked, clock.wall());
  ASSERT_EQ(told.past.size(), 1U);
}

TEST_F(ExplainTest, names_the_rule_and_the_freeze_and_what_is_served_instead) {
  auto configured = std::make_shared<UpstreamHosts>();
  configured->hosts.push_back(
      {.host = *repository.host,
       .source = &source,
       .freshness = {},
       .rules = {{.match = oci::ReferencePattern::parse("org/*:v*").value(), .fresh_for = seconds(7)}},
       .capture = {}});
  addressing.replace_hosts(configured);
  publish(first_, "v1");
  ASSERT_TRUE(get("v1"));
  keep(first_);
  clock.advance(seconds(100));
  publish(second_, "v1");
  ASSERT_TRUE(get("v1"));
  go_down();
  freeze_.look({{*repository.host, false}});
  const Explanation told = about_tag();
  ASSERT_NE(told.rule, nullptr);
  EXPECT_EQ(told.rule->match.to_string(), "org/*:v*");
  EXPECT_EQ(told.policy.fresh_for, seconds(7));
  EXPECT_TRUE(told.is_frozen);
  EXPECT_EQ(told.digest, sha256_of(second_.manifest));
  EXPECT_EQ(told.outlook.answer, Answer::earlier);
  EXPECT_EQ(told.served, sha256_of(first_.manifest));
}

TEST_F(ExplainTest, knows_hosted_repositories_and_unknown_hosts) {
  EXPECT_EQ(test::code_of(about("nowhere.example/org/app:v1")), "not_found");
  const auto hosted = about("team/app:v1");
  ASSERT_TRUE(hosted) << hosted.error().message();
  EXPECT_TRUE(hosted->meaning.repository.is_hosted());
  EXPECT_EQ(hosted->upstream, nullptr);
  EXPECT_EQ(hosted->outlook.answer, Answer::not_found);
}

}  // namespace
}  // namespace lifeboat::registry
