#include "registry/upkeep/prober.h"

#include <gtest/gtest.h>

#include "meta/memory_store.h"
#include "test/support/manual_clock.h"
#include "test/support/run.h"
#include "test/support/scripted_inspector.h"

namespace lifeboat::registry {
namespace {

using test::image_of;
using test::index_of;
using test::ScriptedInspector;

class ProberTest : public ::testing::Test {
 protected:
  std::unique_ptr<Prober> prober(ProberOptions options = {.name = "backup"}, blob::Inspector* other = nullptr) {
    auto made = std::make_unique<Prober>(Prober::Parts{registry_, other, names_.tours(), clock_, metrics_, log_},
                                         std::move(options));
    test::run(restored(*made));
    return made;
  }
  static Awaitable<bool> restored(Prober& prober) {
    co_await prober.restore();
    co_return true;
  }
  static Duration tour(Prober& prober) { return test::run(prober.tour()); }
  double gauge(const std::string& name) {
    const std::string text = metrics_.render();
    const std::string start = "\n" + name + "{target=\"backup\"} ";
    const std::size_t at = text.find(start);
    return at == std::string::npos ? -1 : std::stod(text.substr(at + start.size()));
  }
  double failures() { return gauge("registry_manifest_integrity_failures"); }
  /// An index of its own under a tag; gives a layer of it.
  static std::string push(ScriptedInspector& to, const std::string& repository, const std::string& tag) {
    const auto image = image_of(repository + tag, 1);
    to.push(repository, image);
    to.push_index(repository, index_of({{image.manifest, "linux/amd64"}}), tag);
    return image.layers[0];
  }
  void lose(const std::string& repository, const std::string& layer) {
    registry_.blobs.erase(repository + "@" + test::sha256_of(layer).to_string());
  }

  ScriptedInspector registry_;
  test::ManualClock clock_;
  sys::Metrics metrics_;
  Log log_{{.level = LogLevel::error}};
  meta::MemoryStore names_{clock_};
};

TEST_F(ProberTest, names_the_tags_that_are_broken_and_no_other) {
  (void)push(registry_, "team/app", "1");
  const std::string lost = push(registry_, "team/app", "2");
  (void)push(registry_, "team/tool", "1");
  lose("team/app", lost);
  const auto probed = prober();
  EXPECT_EQ(gauge("registry_manifest_integrity_last_run_timestamp"), 0) << "none yet";
  EXPECT_EQ(tour(*probed), std::chrono::minutes(15));
  EXPECT_EQ(failures(), 1);
  EXPECT_EQ(gauge("registry_manifest_integrity_catalog_accessible"), 1);
  EXPECT_EQ(gauge("registry_manifest_integrity_repos_checked"), 2);
  EXPECT_EQ(gauge("registry_manifest_integrity_tags_checked"), 3);
  EXPECT_EQ(gauge("registry_manifest_integrity_indexes_checked"), 3);
  EXPECT_EQ(gauge("registry_manifest_integrity_last_run_timestamp"), 1'700'000'000);
  const ProbeState state = probed->state();
  ASSERT_EQ(state.first.size(), 1U);
  EXPECT_TRUE(state.first[0].starts_with("team/app:2: missing, layer 1 of 1 " + test::sha256_of(lost).to_string()))
      << state.first[0];

  registry_.blob_of("team/app", lost).bytes = lost;
  (void)tour(*probed);
  EXPECT_EQ(failures(), 0) << "healed";
}

TEST_F(ProberTest, keeps_to_its_patterns) {
  for (const char* tag : {"v1", "v2", "dev"}) (void)push(registry_, "team/app", tag);
  (void)push(registry_, "other", "v1");
  (void)push(registry_, "ghcr.io/org/app", "v1");
  struct Row {
    std::vector<std::string> repositories;
    std::vector<std::string> tags;
    bool leaves_out_hosts;
    double checked;
  };
  const std::vector<Row> rows{
      {{}, {}, false, 5},           {{"team/*"}, {}, false, 3},       {{"team/*"}, {"v*"}, false, 2},
      {{"team/app"}, {}, false, 3}, {{"nobody/*"}, {}, false, 0},     {{}, {}, true, 4},
      {{"*"}, {}, true, 4},         {{"ghcr.io/org/*"}, {}, true, 1}, {{"team/app", "other"}, {}, false, 4},
  };
  for (const Row& row : rows) {
    const auto probed = prober({.name = "backup",
                                .repositories = row.repositories,
                                .tags = row.tags,
                                .leaves_out_hosts = row.leaves_out_hosts});
    (void)tour(*probed);
    EXPECT_EQ(gauge("registry_manifest_integrity_tags_checked"), row.checked)
        << (row.repositories.empty() ? "all" : row.repositories[0]);
  }
}

TEST_F(ProberTest, needs_no_catalog_for_names_that_are_given) {
  (void)push(registry_, "team/app", "1");
  registry_.catalog_fails = Error(ErrorCode::denied, "cannot get the catalog: 403");
  const auto named = prober({.name = "backup", .repositories = {"team/app"}});
  (void)tour(*named);
  EXPECT_EQ(gauge("registry_manifest_integrity_catalog_accessible"), 1);
  EXPECT_EQ(gauge("registry_manifest_integrity_tags_checked"), 1);

  clock_.advance(std::chrono::hours(1));
  const auto all = prober();
  EXPECT_EQ(tour(*all), std::chrono::minutes(1));
  EXPECT_EQ(gauge("registry_manifest_integrity_catalog_accessible"), 0);
  EXPECT_EQ(gauge("registry_manifest_integrity_last_run_timestamp"), 1'700'000'000) << "this was no run";
  EXPECT_TRUE(all->state().last_error.contains("403"));
}

TEST_F(ProberTest, goes_on_where_it_was_when_the_target_or_the_process_comes_back) {
  const std::string lost = push(registry_, "a", "1");
  (void)push(registry_, "b", "1");
  (void)push(registry_, "c", "1");
  lose("a", lost);
  registry_.manifests["b:1"].head_fails = registry_.manifests["b:1"].get_fails =
      Error(ErrorCode::unavailable, "cannot get 'b:1': 503");
  {
    // Given up at the third thing that is silent: two more tags of it.
    for (const char* tag : {"2", "3"}) registry_.manifests[std::string("b:") + tag] = registry_.manifests["b:1"];
    const auto probed = prober();
    registry_.tags_fail.emplace("b", Error(ErrorCode::unavailable, "cannot list: 503"));
    EXPECT_EQ(tour(*probed), std::chrono::minutes(1));
    EXPECT_EQ(failures(), 1) << "as far as it came";
    EXPECT_EQ(gauge("registry_manifest_integrity_last_run_timestamp"), 0);
  }
  metrics_.gauge("registry_manifest_integrity_failures", "", {{"target", "backup"}}).set(0);
  registry_.tags_fail.clear();
  for (const char* tag : {"1", "2", "3"}) {
    auto& thing = registry_.manifests[std::string("b:") + tag];
    thing.head_fails.reset();
    thing.get_fails.reset();
  }
  registry_.asked.clear();
  const auto again = prober();
  EXPECT_EQ(failures(), 1) << "known before anything is asked";
  EXPECT_TRUE(registry_.asked.empty());
  EXPECT_EQ(tour(*again), std::chrono::minutes(15));
  EXPECT_EQ(registry_.asked_for(" a"), 0U) << "what was done is not done again";
  EXPECT_EQ(gauge("registry_manifest_integrity_repos_checked"), 3);
  EXPECT_EQ(failures(), 1);
  EXPECT_EQ(gauge("registry_manifest_integrity_last_run_timestamp"), 1'700'000'000);
}

TEST_F(ProberTest, forgets_the_fault_of_a_tag_that_is_no_more) {
  lose("a", push(registry_, "a", "1"));
  (void)push(registry_, "b", "1");
  const auto probed = prober();
  (void)tour(*probed);
  EXPECT_EQ(failures(), 1);
  registry_.manifests.erase("a:1");
  (void)tour(*probed);
  EXPECT_EQ(failures(), 0);
}

TEST_F(ProberTest, raises_no_alarm_over_a_tag_that_is_deleted_meanwhile) {
  (void)push(registry_, "a", "1");
  (void)push(registry_, "a", "2");
  registry_.on_question = [&](const std::string& question) {
    if (question == "HEAD a:1") registry_.manifests.erase("a:1");
  };
  const auto probed = prober();
  (void)tour(*probed);
  EXPECT_EQ(failures(), 0);
  EXPECT_EQ(gauge("registry_manifest_integrity_tags_checked"), 1);
}

TEST_F(ProberTest, does_not_take_what_it_cannot_ask_for_broken_or_whole) {
  const std::string lost = push(registry_, "a", "1");
  lose("a", lost);
  (void)push(registry_, "a", "2");
  const auto probed = prober();
  (void)tour(*probed);
  for (auto& [key, thing] : registry_.manifests) {
    thing.get_fails = thing.head_fails = Error(ErrorCode::denied, "cannot get: 403");
  }
  (void)tour(*probed);
  EXPECT_EQ(failures(), 1) << "what was broken stays known, what was whole does not become broken";
  EXPECT_EQ(gauge("lifeboat_probe_unknown_tags"), 2);
}

TEST_F(ProberTest, does_not_wait_again_and_again_for_what_it_compares_with) {
  ScriptedInspector other;
  for (const char* repository : {"a", "b"}) {
    for (const char* tag : {"1", "2", "3", "4"}) (void)push(registry_, repository, tag);
  }
  (void)push(other, "a", "4");
  other.manifests["a:4"].bytes = "another";
  const auto probed = prober({.name = "backup", .other = "mirror"}, &other);
  (void)tour(*probed);
  const double diverging = gauge("lifeboat_probe_diverging_tags");
  EXPECT_EQ(diverging, 8);

  other.everything_fails = Error(ErrorCode::unavailable, "cannot get: refused").at(NetworkStep::connect);
  other.asked.clear();
  (void)tour(*probed);
  EXPECT_EQ(other.asked.size(), 3U) << "of eight tags";
  EXPECT_EQ(gauge("registry_manifest_integrity_tags_checked"), 8) << "the target is looked at all the same";
  EXPECT_EQ(gauge("lifeboat_probe_diverging_tags"), diverging) << "nothing new is known";

  other.everything_fails.reset();
  other.asked.clear();
  (void)tour(*probed);
  EXPECT_GE(other.asked.size(), 8U) << "the next tour asks it again";
}

TEST_F(ProberTest, leaves_the_rest_of_a_rate_limit_to_others) {
  (void)push(registry_, "a", "1");
  registry_.is_short = true;
  const auto probed = prober();
  registry_.asked.clear();
  EXPECT_EQ(tour(*probed), std::chrono::minutes(15));
  EXPECT_TRUE(registry_.asked.empty());
  registry_.is_short = false;
  (void)tour(*probed);
  EXPECT_EQ(gauge("registry_manifest_integrity_tags_checked"), 1);
}

TEST_F(ProberTest, finds_what_another_registry_has_otherwise) {
  ScriptedInspector other;
  for (const char* tag : {"same", "moved", "lacking"}) (void)push(registry_, "app", tag);
  (void)push(other, "app", "same");
  (void)push(other, "app", "alone");
  other.manifests["app:moved"].bytes = registry_.manifests["app:same"].bytes;
  const auto probed = prober({.name = "backup", .other = "main"}, &other);
  (void)tour(*probed);
  EXPECT_EQ(gauge("lifeboat_probe_diverging_tags"), 3);
  const auto first = probed->state().first;
  ASSERT_EQ(first.size(), 3U);
  EXPECT_TRUE(first[0].starts_with("app:alone: here nothing, main has sha256:")) << first[0];
  EXPECT_TRUE(first[1].starts_with("app:lacking: here sha256:") && first[1].ends_with("main has nothing")) << first[1];
  EXPECT_TRUE(first[2].starts_with("app:moved: here sha256:")) << first[2];

  other.everything_fails = Error(ErrorCode::unavailable, "cannot get: 503");
  (void)tour(*probed);
  EXPECT_EQ(gauge("lifeboat_probe_diverging_tags"), 3) << "an outage is no difference, and no agreement";
  other.everything_fails.reset();
  for (const char* tag : {"moved", "lacking"}) {
    other.manifests[std::string("app:") + tag] = registry_.manifests[std::string("app:") + tag];
  }
  other.manifests.erase("app:alone");
  (void)tour(*probed);
  EXPECT_EQ(gauge("lifeboat_probe_diverging_tags"), 0);
  EXPECT_EQ(failures(), 0);
}

TEST_F(ProberTest, ends_before_the_next_repository_when_it_is_stopped_and_another_goes_on_behind_it) {
  for (const char* repository : {"a", "b", "c"}) (void)push(registry_, repository, "1");
  const auto first = prober();
  registry_.on_question = [&](const std::string& question) {
    if (question.contains(" b:1")) first->stop();
  };
  (void)tour(*first);
  EXPECT_EQ(registry_.asked_for(" c"), 0U);
  EXPECT_EQ(gauge("registry_manifest_integrity_last_run_timestamp"), 0) << "that was no whole tour";
  registry_.on_question = {};
  registry_.asked.clear();
  Prober second({registry_, nullptr, names_.tours(), clock_, metrics_, log_}, {.name = "backup"});
  second.go_on_from(*first);
  (void)tour(second);
  EXPECT_EQ(registry_.asked_for(" a"), 0U) << "it begins anew";
  EXPECT_GT(registry_.asked_for(" c"), 0U);
  EXPECT_EQ(gauge("registry_manifest_integrity_last_run_timestamp"), 1'700'000'000);
}

}  // namespace
}  // namespace lifeboat::registry
