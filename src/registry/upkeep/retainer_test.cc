#include "registry/upkeep/retainer.h"

#include <gtest/gtest.h>

#include "blob/memory_store.h"
#include "meta/memory_store.h"
#include "test/support/image.h"
#include "test/support/manual_clock.h"

namespace lifeboat::registry {
namespace {

using test::a_call;
using test::run;
using test::sha256_of;

constexpr Duration kDay{std::chrono::hours(24)};

class RetainerTest : public testing::Test {
 protected:
  /// Pushed in this order, a minute apart: an index "v<n>" over one image, for each number.
  void push_indexes(const oci::RepositoryId& repository, int count, int first = 1) {
    for (int i = first; i < first + count; ++i) {
      const std::string name = "v" + std::to_string(i);
      const std::string image = test::image_of(name, 1).manifest;
      test::keep_manifest(blobs_, names_, repository, image);
      test::keep_manifest(blobs_, names_, repository, test::index_of({{image, "linux/amd64"}}), {name});
      clock_.advance(std::chrono::minutes(1));
    }
  }
  static oci::Digest image_of(const std::string& name) { return sha256_of(test::image_of(name, 1).manifest); }
  static oci::Digest index_of(const std::string& name) {
    return sha256_of(test::index_of({{test::image_of(name, 1).manifest, "linux/amd64"}}));
  }
  std::unique_ptr<Retainer> retainer(RetentionRule rule) {
    return std::make_unique<Retainer>(
        Retainer::Parts{.blobs = blobs_,
                        .names = names_,
                        .stamps = stamps_,
                        .is_frozen = [this](const oci::RegistryHost&) { return is_frozen(); },
                        .clock = clock_,
                        .metrics = metrics_,
                        .log = log_},
        RetainerOptions{.policies = {{.match = {"team/*", "ghcr.io/*"}, .rule = std::move(rule)}}});
  }
  Result<PruneReport> prune(RetentionRule rule, Retainer::DryRun dry_run = Retainer::DryRun::no) {
    return run(retainer(std::move(rule))->prune(dry_run));
  }
  bool is_frozen() {
    if (const auto hook = on_asked_; hook) hook();  // a copy, since it may take itself away
    if (asked_until_frozen_ == 0) return true;
    if (asked_until_frozen_ > 0) --asked_until_frozen_;
    return is_frozen_;
  }
  std::vector<std::string> tags_of(const oci::RepositoryId& repository) {
    return run(names_.tags().list(a_call(), repository, "", 100)).value().tags;
  }
  bool has(const oci::RepositoryId& repository, const oci::Digest& manifest) {
    return run(names_.manifests().find(a_call(), repository, manifest)).has_value();
  }

  const oci::RepositoryId app_{std::nullopt, oci::Repository::parse("team/app").value()};
  const oci::RepositoryId other_{std::nullopt, oci::Repository::parse("other").value()};
  const oci::RepositoryId cached_{oci::RegistryHost::parse("ghcr.io").value(),
                                  oci::Repository::parse("org/app").value()};
  test::ManualClock clock_;
  Log log_{{.level = LogLevel::error}};
  sys::Metrics metrics_;
  ChangeStamps stamps_;
  blob::MemoryStore blobs_;
  meta::MemoryStore names_{clock_};
  bool is_frozen_ = false;
  int asked_until_frozen_ = -1;       ///< below 0: never
  std::function<void()> on_asked_{};  ///< in the middle of a pass over `cached_`: when it looks, and before it removes
};

using Names = std::vector<std::string>;

TEST_F(RetainerTest, removes_the_tags_no_rule_keeps_and_says_why) {
  push_indexes(app_, 3);
  push_indexes(other_, 3);
  const uint64_t before = stamps_.of(app_).load();
  const auto report = prune({.keep_last = 1, .keep_tags = {"v1"}});
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(tags_of(app_), (Names{"v1", "v3"}));
  EXPECT_EQ(tags_of(other_), (Names{"v1", "v2", "v3"})) << "no policy is for it";
  EXPECT_NE(stamps_.of(app_).load(), before) << "prepared answers still have the tag";
  EXPECT_EQ(report->repositories, 1U);
  EXPECT_EQ(report->tags, 1U);
  ASSERT_EQ(report->items.size(), 3U);
  EXPECT_EQ(report->items[0].reason, "one of the last 1");
  EXPECT_EQ(report->items[1].tag, "v2");
  EXPECT_EQ(report->items[1].reason, "no rule keeps it");
  EXPECT_FALSE(report->items[1].is_kept);
  EXPECT_TRUE(has(app_, index_of("v2"))) << "nothing was said about manifests without a tag";
}

TEST_F(RetainerTest, only_says_so_in_a_dry_run) {
  push_indexes(app_, 3);
  const auto report = prune({.keep_last = 1, .delete_untagged_after = Duration(0)}, Retainer::DryRun::yes);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->tags, 2U);
  EXPECT_EQ(report->manifests, 4U) << "two indexes and their images";
  EXPECT_EQ(tags_of(app_).size(), 3U);
  EXPECT_TRUE(has(app_, index_of("v1")));
}

TEST_F(RetainerTest, lets_an_index_go_with_its_images_after_a_while) {
  push_indexes(app_, 2);
  const RetentionRule rule{.keep_last = 1, .delete_untagged_after = kDay};
  ASSERT_TRUE(prune(rule));
  EXPECT_EQ(tags_of(app_), Names{"v2"});
  EXPECT_TRUE(has(app_, index_of("v1"))) << "its tag can still be restored";
  EXPECT_TRUE(has(app_, image_of("v1")));
  clock_.advance(kDay);
  const auto report = prune(rule);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->manifests, 2U);
  EXPECT_EQ(report->changed, 0U);
  EXPECT_FALSE(has(app_, index_of("v1")));
  EXPECT_FALSE(has(app_, image_of("v1")));
  EXPECT_TRUE(has(app_, image_of("v2"))) << "an index that is kept needs it";
}

TEST_F(RetainerTest, keeps_what_clients_pull) {
  push_indexes(app_, 2);
  clock_.advance(10 * kDay);
  names_.usage().note_pulled(app_, index_of("v1"), clock_.wall());
  ASSERT_TRUE(prune({.keep_pulled_within = 5 * kDay}));
  EXPECT_EQ(tags_of(app_), Names{"v1"});
}

TEST_F(RetainerTest, keeps_what_is_pinned_by_tag_or_by_digest) {
  push_indexes(app_, 4);
  for (const std::string& reference : {std::string("v1"), index_of("v2").to_string()}) {
    ASSERT_TRUE(run(names_.usage().add_pin(a_call(), {.repository = app_, .reference = reference})));
  }
  ASSERT_TRUE(run(names_.usage().add_pin(a_call(), {.repository = other_, .reference = "v3"})));
  ASSERT_TRUE(prune({.keep_last = 1, .delete_untagged_after = Duration(0)}));
  EXPECT_EQ(tags_of(app_), (Names{"v1", "v2", "v4"}));
  EXPECT_TRUE(has(app_, image_of("v1")));
  EXPECT_FALSE(has(app_, image_of("v3"))) << "the pin is of another repository";
}

TEST_F(RetainerTest, takes_nothing_for_old_because_the_clock_was_set) {
  push_indexes(app_, 1);
  ASSERT_TRUE(run(names_.tags().remove(a_call(), app_, oci::Tag::parse("v1").value())));
  const auto keeper = retainer({.delete_untagged_after = kDay});
  clock_.set_wall_by(std::chrono::days(365));
  const auto refused = run(keeper->prune(Retainer::DryRun::no));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::unavailable);
  EXPECT_TRUE(has(app_, index_of("v1")));
  EXPECT_NE(metrics_.render().find("\nlifeboat_retention_failures_total 1\n"), std::string::npos) << metrics_.render();
  clock_.advance(std::chrono::hours(25));
  EXPECT_TRUE(run(keeper->prune(Retainer::DryRun::no))) << "the time that has gone by since is no error of the clock";
  EXPECT_FALSE(has(app_, index_of("v1")));
}

TEST_F(RetainerTest, keeps_the_newest_after_the_clock_was_set_back) {
  push_indexes(app_, 2);
  clock_.set_wall_by(-std::chrono::days(365));
  push_indexes(app_, 2, 3);
  const auto report = prune({.keep_last = 1});
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(tags_of(app_), (Names{"v1", "v2", "v4"})) << "the two of next year would take the place of what is new";
}

TEST_F(RetainerTest, leaves_a_host_alone_that_cannot_be_asked) {
  push_indexes(cached_, 3);
  push_indexes(app_, 2);
  const RetentionRule rule{.keep_last = 1, .delete_untagged_after = Duration(0)};
  is_frozen_ = true;
  for (const auto dry_run : {Retainer::DryRun::yes, Retainer::DryRun::no}) {
    const auto report = prune(rule, dry_run);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->frozen, Names{"ghcr.io/org/app"});
    EXPECT_EQ(report->tags, 1U) << "of the repository that is hosted here";
    for (const PruneReport::Item& item : report->items) {
      if (item.repository != "ghcr.io/org/app") continue;
      EXPECT_TRUE(item.is_kept) << item.tag;
      EXPECT_EQ(item.reason, "its host cannot be asked") << item.tag;
    }
  }
  EXPECT_EQ(tags_of(cached_).size(), 3U);
  EXPECT_TRUE(has(cached_, index_of("v1")));
  is_frozen_ = false;
  const auto report = prune(rule);
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->frozen.empty());
  EXPECT_EQ(tags_of(cached_), Names{"v3"});
}

TEST_F(RetainerTest, stops_where_the_host_goes_down_under_way) {
  push_indexes(cached_, 3);
  asked_until_frozen_ = 3;  // looked at, looked at again with its records mended, and the first tag
  const auto report = prune({.keep_last = 1, .delete_untagged_after = Duration(0)});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->tags, 1U) << "the first went before";
  EXPECT_EQ(tags_of(cached_), (Names{"v1", "v3"}));
  EXPECT_EQ(report->items.at(2).tag, "v1");
  EXPECT_TRUE(report->items.at(2).is_kept);
  EXPECT_EQ(report->items.at(2).reason, "its host cannot be asked any more");
}

TEST_F(RetainerTest, makes_a_dry_run_beside_a_pass_but_no_two_of_a_kind) {
  push_indexes(cached_, 2);
  for (const auto first : {Retainer::DryRun::yes, Retainer::DryRun::no}) {
    const auto keeper = retainer({.keep_last = 1});
    const auto other = first == Retainer::DryRun::yes ? Retainer::DryRun::no : Retainer::DryRun::yes;
    on_asked_ = [&] {
      on_asked_ = {};
      const auto same = run(keeper->prune(first));
      ASSERT_FALSE(same) << "two of a kind";
      EXPECT_EQ(same.error().code(), ErrorCode::conflict);
      const auto beside = run(keeper->prune(other));
      EXPECT_TRUE(beside) << beside.error().message();
    };
    EXPECT_TRUE(run(keeper->prune(first)));
    EXPECT_TRUE(run(keeper->prune(first))) << "the one before has ended";
  }
}

TEST(NextPass, comes_soon_after_one_that_failed) {
  const Status conflict = fail(ErrorCode::conflict, "an operator's is under way");
  const Status unavailable = fail(ErrorCode::unavailable, "the clock was set");
  EXPECT_EQ(next_pass_in({}, kDay), kDay);
  EXPECT_EQ(next_pass_in(conflict, kDay), std::chrono::minutes(10));
  EXPECT_EQ(next_pass_in(unavailable, kDay), std::chrono::minutes(10));
  EXPECT_EQ(next_pass_in(conflict, std::chrono::minutes(1)), std::chrono::minutes(1)) << "no later than usual";
}

TEST_F(RetainerTest, ends_at_its_next_step_when_the_server_stops) {
  push_indexes(cached_, 4);
  const auto manifests = [&] {
    return run(names_.usage().manifests(a_call(), cached_, "", 100)).value().manifests.size();
  };
  // The host is asked for when the repository is looked at, and again before each tag and manifest that goes.
  const auto stop_when_asked = [&](RetentionRule rule, int times) {
    const auto stopped = retainer(std::move(rule));
    on_asked_ = [&] {
      if (--times == 0) stopped->stop();
    };
    const auto report = run(stopped->prune(Retainer::DryRun::no));
    on_asked_ = {};
    EXPECT_FALSE(report) << "it went through the whole repository";
    if (!report) {
      EXPECT_EQ(report.error().code(), ErrorCode::cancelled);
    }
  };
  stop_when_asked({.keep_last = 1}, 1);
  EXPECT_EQ(tags_of(cached_).size(), 4U) << "it stopped while it looked";
  stop_when_asked({.keep_last = 1}, 2);
  EXPECT_EQ(tags_of(cached_).size(), 3U) << "only the tag it was at";
  ASSERT_TRUE(prune({.keep_last = 1}));
  ASSERT_EQ(manifests(), 8U);
  stop_when_asked({.delete_untagged_after = Duration(0)}, 3);
  EXPECT_EQ(manifests(), 7U) << "only the manifest it was at";
}

TEST_F(RetainerTest, says_of_which_repository_a_manifest_cannot_be_read) {
  push_indexes(app_, 3);
  blobs_.damage(image_of("v3"), "x");
  for (const auto dry_run : {Retainer::DryRun::yes, Retainer::DryRun::no}) {
    const auto report = prune({.keep_last = 1, .delete_untagged_after = Duration(0)}, dry_run);
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->tags, 2U) << "of tags it is known what they are";
    EXPECT_EQ(report->manifests, 0U) << "nobody can tell what the damaged manifest names";
    ASSERT_EQ(report->unreadable.size(), 1U) << "it is kept without a word";
    EXPECT_EQ(report->unreadable[0].repository, "team/app");
    EXPECT_NE(report->unreadable[0].reason.find(image_of("v3").to_string()), std::string::npos)
        << report->unreadable[0].reason;
  }
  EXPECT_TRUE(has(app_, index_of("v1")));
}

TEST_F(RetainerTest, keeps_what_is_for_a_platform) {
  for (const char* name : {"arm64", "amd64", "s390x"}) {
    const std::string image = test::image_of(name, 1).manifest;
    test::keep_manifest(blobs_, names_, app_, image);
    test::keep_manifest(blobs_, names_, app_, test::index_of({{image, std::string("linux/") + name}}), {name});
  }
  const auto report = prune({.keep_platforms = {oci::Platform::parse("linux/arm64").value()}});
  ASSERT_TRUE(report);
  EXPECT_EQ(tags_of(app_), Names{"arm64"});
  EXPECT_EQ(report->tags, 2U);
}

TEST_F(RetainerTest, sees_a_repository_of_many_pages) {
  const std::string image = test::image_of("one", 1).manifest;
  for (int i = 0; i < 1201; ++i) {
    test::keep_manifest(blobs_, names_, app_, image, {"t" + std::to_string(i)});
    clock_.advance(std::chrono::seconds(1));
  }
  const auto report = prune({.keep_last = 2});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->tags, 1199U);
  EXPECT_EQ(tags_of(app_), (Names{"t1199", "t1200"}));
}

TEST_F(RetainerTest, hides_no_tag_that_goes_behind_many_that_stay) {
  const std::string image = test::image_of("one", 1).manifest;
  std::vector<std::string> names{"old"};
  test::keep_manifest(blobs_, names_, app_, image, names);
  clock_.advance(std::chrono::seconds(1));
  names.clear();
  for (int i = 0; i < 10'001; ++i) names.push_back("t" + std::to_string(i));
  test::keep_manifest(blobs_, names_, app_, image, names);
  const auto report = prune({.keep_last = 10'001});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->items_left_out, 1U);
  EXPECT_EQ(report->items.back().tag, "old");
}

}  // namespace
}  // namespace lifeboat::registry
