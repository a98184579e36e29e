#include "registry/upkeep/retention.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "test/support/blob_rig.h"

namespace lifeboat::registry {
namespace {

using std::chrono::hours;
using test::sha256_of;

constexpr WallTime kNow{Duration(1'700'000'000'000)};

struct Pushed {
  const char* tag;
  const char* manifest;
  int hours_ago;
};
struct Held {
  const char* name;
  std::vector<const char*> children{};
  const char* subject = "";
  const char* platform = "";
  int pulled_hours_ago = 1000;
  int untagged_hours_ago = 1000;
};

RetentionView view_of(const std::vector<Pushed>& tags, const std::vector<Held>& manifests) {
  RetentionView view{.now = kNow};
  for (const Pushed& one : tags) {
    view.tags.push_back({oci::Tag::parse(one.tag).value(), sha256_of(one.manifest), kNow - hours(one.hours_ago)});
  }
  for (const Held& one : manifests) {
    RetentionView::ManifestState state{.digest = sha256_of(one.name)};
    for (const char* child : one.children) state.children.push_back(sha256_of(child));
    if (*one.subject != '\0') state.subject = sha256_of(one.subject);
    if (*one.platform != '\0') state.platform = oci::Platform::parse(one.platform).value();
    state.pulled = kNow - hours(one.pulled_hours_ago);
    state.untagged_since = kNow - hours(one.untagged_hours_ago);
    view.manifests.push_back(std::move(state));
  }
  return view;
}

std::string kept_tags(const RetentionDecision& decision) {
  std::string names;
  for (const auto& one : decision.tags) {
    if (one.is_kept) names += (names.empty() ? "" : " ") + one.tag.to_string();
  }
  return names;
}

/// Those of `names` that go, in the order they are to be removed.
std::string going(const RetentionDecision& decision, const std::vector<const char*>& names) {
  std::string text;
  for (const auto& one : decision.manifests) {
    if (one.is_kept) continue;
    const auto name = std::ranges::find_if(names, [&](const char* bytes) { return sha256_of(bytes) == one.digest; });
    EXPECT_NE(name, names.end());
    if (name != names.end()) text += (text.empty() ? "" : " ") + std::string(*name);
  }
  return text;
}

}  // namespace

TEST(Retention, keeps_tags_as_the_rule_says) {
  const auto linux_arm = oci::Platform::parse("linux/arm64").value();
  const RetentionView view = view_of({{"v3", "c", 1}, {"v2", "b", 2}, {"v1", "a", 3}, {"release-1", "a", 4}},
                                     {{.name = "a", .pulled_hours_ago = 5},
                                      {.name = "b", .children = {"b-arm"}},
                                      {.name = "b-arm", .platform = "linux/arm64"},
                                      {.name = "c", .platform = "linux/amd64", .pulled_hours_ago = 50}});
  const struct {
    const char* what;
    RetentionRule rule;
    const char* kept;
  } rows[] = {
      {"nothing said", {}, "v3 v2 v1 release-1"},
      {"about untagged manifests only", {.delete_untagged_after = hours(1)}, "v3 v2 v1 release-1"},
      {"the last two", {.keep_last = 2}, "v3 v2"},
      {"more than there are", {.keep_last = 9}, "v3 v2 v1 release-1"},
      {"by name", {.keep_tags = {"release-*"}}, "release-1"},
      {"by either of two names", {.keep_tags = {"release-*", "v2"}}, "v2 release-1"},
      {"by name or age", {.keep_last = 1, .keep_tags = {"release-*"}}, "v3 release-1"},
      {"pulled within six hours", {.keep_pulled_within = hours(6)}, "v1 release-1"},
      {"pulled within five hours, which it just was not", {.keep_pulled_within = hours(5)}, ""},
      {"for a platform, of a child", {.keep_platforms = {linux_arm}}, "v2"},
      {"for a platform as others write it", {.keep_platforms = {{"linux", "arm64", "v8"}}}, "v2"},
      {"for a platform nobody has", {.keep_platforms = {{"linux", "riscv64", ""}}}, ""},
  };
  for (const auto& row : rows) EXPECT_EQ(kept_tags(decide_retention(row.rule, view)), row.kept) << row.what;
}

TEST(Retention, gives_no_place_to_a_tag_of_the_future) {
  const RetentionView view = view_of({{"far", "a", -9000}, {"near", "b", -1}, {"v2", "c", 0}, {"v1", "d", 1}}, {});
  const auto decision = decide_retention({.keep_last = 1}, view);
  EXPECT_EQ(kept_tags(decision), "far near v2") << "those of the future cannot be compared, and the last is the last";
  EXPECT_EQ(decision.tags[0].reason, "it was pushed before the clock was set back");
  EXPECT_EQ(kept_tags(decide_retention({.keep_last = 2}, view)), "far near v2 v1");
  EXPECT_EQ(kept_tags(decide_retention({.keep_tags = {"v*"}}, view)), "v2 v1") << "a name has no time";
}

TEST(Retention, says_why) {
  RetentionView view = view_of({{"v2", "b", 1}, {"v1", "a", 2}, {"v0", "z", 3}}, {{.name = "a"}, {.name = "b"}});
  view.pinned.insert(sha256_of("z"));
  const auto decision = decide_retention({.keep_last = 1}, view);
  ASSERT_EQ(decision.tags.size(), 3U);
  EXPECT_EQ(decision.tags[0].reason, "one of the last 1");
  EXPECT_EQ(decision.tags[1].reason, "no rule keeps it");
  EXPECT_EQ(decision.tags[2].reason, "it is pinned");
  for (const auto& one : decision.manifests) {
    const bool is_tagged = one.digest == sha256_of("b");
    EXPECT_EQ(one.reason, is_tagged ? "a tag that is kept points at it" : "manifests without a tag are kept");
  }
}

TEST(Retention, keeps_a_tag_whose_platform_cannot_be_told) {
  RetentionView view =
      view_of({{"v3", "c", 1}, {"v2", "b", 2}, {"v1", "a", 3}}, {{.name = "a", .children = {"a-arm"}},
                                                                 {.name = "a-arm"},
                                                                 {.name = "b", .platform = "linux/amd64"},
                                                                 {.name = "c", .platform = "linux/arm64"}});
  view.manifests[1].has_unread_platform = true;
  const auto decision = decide_retention({.keep_platforms = {{"linux", "arm64", ""}}}, view);
  EXPECT_EQ(kept_tags(decision), "v3 v1");
  EXPECT_EQ(decision.tags[2].reason, "its platform cannot be told now");
  EXPECT_EQ(kept_tags(decide_retention({.keep_last = 1}, view)), "v3") << "nobody asked for its platform";
}

TEST(Retention, never_takes_what_something_kept_needs) {
  const std::vector<const char*> names{"index",     "amd",     "arm",   "old index", "old",
                                       "signature", "subject", "young", "loose"};
  const RetentionView view =
      view_of({{"v2", "index", 1}, {"v1", "old index", 2}}, {{.name = "index", .children = {"amd", "arm"}},
                                                             {.name = "amd"},
                                                             {.name = "arm", .subject = "subject"},
                                                             {.name = "old index", .children = {"amd", "old"}},
                                                             {.name = "old"},
                                                             {.name = "signature", .subject = "index"},
                                                             {.name = "subject"},
                                                             {.name = "young", .untagged_hours_ago = 3},
                                                             {.name = "loose", .subject = "old"}});
  const RetentionRule rule{.keep_last = 1, .delete_untagged_after = hours(24)};
  const auto decision = decide_retention(rule, view);
  EXPECT_EQ(kept_tags(decision), "v2");
  const std::string gone = going(decision, names);
  EXPECT_NE(gone.find("old index"), std::string::npos) << gone;
  EXPECT_NE(gone.find("loose"), std::string::npos) << gone;
  EXPECT_EQ(std::ranges::count(gone, ' '), 3) << "two and a name of two words: " << gone;
  for (const char* kept : {"amd", "arm", "signature", "subject", "young"}) {
    EXPECT_EQ(gone.find(kept), std::string::npos) << kept << " in " << gone;
  }
}

TEST(Retention, takes_an_index_before_its_children) {
  const std::vector<const char*> names{"top", "middle", "a", "b"};
  // Whatever the order of the digests is.
  const RetentionView view = view_of({}, {{.name = "a"},
                                          {.name = "b"},
                                          {.name = "middle", .children = {"a"}},
                                          {.name = "top", .children = {"middle", "b"}}});
  const std::string order = going(decide_retention({.delete_untagged_after = hours(1)}, view), names);
  EXPECT_LT(order.find("top"), order.find("middle")) << order;
  EXPECT_LT(order.find("middle"), order.find(" a")) << order;
  EXPECT_LT(order.find("top"), order.find(" b")) << order;
}

TEST(Retention, orders_what_very_many_indexes_name) {
  // Each edge looked at for each index once more would be 200 million looks: this test would not come to its end.
  constexpr std::size_t kIndexes = 20'000;
  const oci::Digest image = sha256_of("image");
  RetentionView view{.now = kNow};
  view.manifests.push_back({.digest = image});
  for (std::size_t i = 0; i < kIndexes; ++i) {
    view.manifests.push_back({.digest = sha256_of("index " + std::to_string(i)), .children = {image}});
  }
  const auto decision = decide_retention({.delete_untagged_after = hours(1)}, view);
  ASSERT_EQ(decision.manifests.size(), kIndexes + 1);
  EXPECT_EQ(decision.manifests.back().digest, image) << "the image goes when no index names it any more";
  EXPECT_TRUE(std::ranges::none_of(decision.manifests, &RetentionDecision::ManifestVerdict::is_kept));
}

TEST(Retention, takes_what_only_keeps_itself_alive) {
  const std::vector<const char*> names{"ring", "inner", "child"};
  // An index that speaks of what its child's index names: each would keep the other.
  const RetentionView view = view_of({}, {{.name = "ring", .children = {"inner"}, .subject = "child"},
                                          {.name = "inner", .children = {"child"}},
                                          {.name = "child"}});
  EXPECT_EQ(std::ranges::count(going(decide_retention({.delete_untagged_after = hours(1)}, view), names), ' '), 2);
}

TEST(Retention, keeps_a_digest_as_long_as_one_of_its_tags_stays) {
  const RetentionView view = view_of({{"latest", "a", 5}, {"v1", "a", 6}}, {{.name = "a"}});
  const auto decision = decide_retention({.keep_tags = {"v*"}, .delete_untagged_after = hours(1)}, view);
  EXPECT_EQ(kept_tags(decision), "v1");
  EXPECT_EQ(going(decision, {"a"}), "");
}

TEST(Retention, takes_nothing_while_the_host_cannot_be_asked) {
  RetentionView view = view_of({{"v1", "a", 900}, {"v2", "b", 1}}, {{.name = "a"}, {.name = "b"}, {.name = "c"}});
  view.is_frozen = true;
  const auto decision = decide_retention({.keep_last = 1, .delete_untagged_after = hours(1)}, view);
  EXPECT_EQ(kept_tags(decision), "v2 v1");
  EXPECT_EQ(going(decision, {"a", "b", "c"}), "");
}

TEST(Retention, keeps_what_is_pinned_and_all_under_it) {
  RetentionView view = view_of({}, {{.name = "index", .children = {"child"}}, {.name = "child"}, {.name = "other"}});
  view.pinned.insert(sha256_of("index"));
  EXPECT_EQ(going(decide_retention({.delete_untagged_after = hours(1)}, view), {"index", "child", "other"}), "other");
}

}  // namespace lifeboat::registry
