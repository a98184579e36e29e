#include "registry/upkeep/manifest_check.h"

#include <gtest/gtest.h>

#include <random>

#include "blob/memory_store.h"
#include "meta/sqlite_connection.h"
#include "meta/sqlite_store.h"
#include "registry/upkeep/retainer.h"
#include "registry/upkeep/sweep.h"
#include "test/support/image.h"
#include "test/support/manual_clock.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::registry {
namespace {

using test::a_call;
using test::run;
using test::sha256_of;

constexpr meta::Sql kCountEdges{"count the edges", "SELECT count(*) FROM edge"};
constexpr meta::Sql kLoseEdge{"lose one edge",
                              "DELETE FROM edge WHERE (parent_id, kind, child_id) = "
                              "(SELECT parent_id, kind, child_id FROM edge ORDER BY parent_id, kind, child_id "
                              "LIMIT 1 OFFSET ?)"};
constexpr meta::Sql kLoseEdges{"lose all edges", "DELETE FROM edge"};

/// Two indexes that share an image, in a repository hosted here and in a cached one, all of it long untouched.
class ManifestCheckTest : public testing::Test {
 protected:
  ManifestCheckTest() {
    for (const oci::RepositoryId& repository : {hosted_, cached_}) {
      for (const test::Image* image : {&one_, &two_, &three_}) {
        test::keep_blob(blobs_, *names_, repository, image->config);
        for (const std::string& layer : image->layers) test::keep_blob(blobs_, *names_, repository, layer);
        test::keep_manifest(blobs_, *names_, repository, image->manifest);
      }
      test::keep_manifest(blobs_, *names_, repository, first_, {"first"});
      test::keep_manifest(blobs_, *names_, repository, second_, {"second"});
    }
    clock_.advance(std::chrono::hours(48));
  }

  void lose(const meta::Sql& sql, int64_t which) {
    const auto connection = meta::SqliteConnection::open(path_.string()).value();
    ASSERT_TRUE(meta::SqliteQuery(*connection, sql, which).run());
  }
  void lose_all() {
    const auto connection = meta::SqliteConnection::open(path_.string()).value();
    ASSERT_TRUE(meta::SqliteQuery(*connection, kLoseEdges).run());
  }
  int64_t edges() {
    const auto connection = meta::SqliteConnection::open(path_.string()).value();
    meta::SqliteQuery query(*connection, kCountEdges);
    EXPECT_TRUE(query.next().value());
    return query.integer(0);
  }
  Result<SweepReport> collect(Sweep::DryRun dry_run = Sweep::DryRun::no) {
    Sweep sweep(
        {.blobs = blobs_,
         .inventory = blobs_,
         .names = *names_,
         .leases = leases_,
         .stamps = stamps_,
         .is_frozen = [](const oci::RegistryHost&) { return false; }},
        {.before = clock_.wall() - std::chrono::hours(24), .dry_run = dry_run, .is_stopping = [] { return false; }});
    const Status done = run(sweep.run(a_call()));
    if (!done) return std::unexpected(done.error());
    return sweep.report();
  }
  /// What a client cannot pull of what was pushed; "" when all is whole.
  std::string missing_in(const oci::RepositoryId& repository) {
    for (const std::string* index : {&first_, &second_}) {
      if (!run(names_->manifests().find(a_call(), repository, sha256_of(*index)))) return "an index";
    }
    for (const test::Image* image : {&one_, &two_, &three_}) {
      if (!run(names_->manifests().find(a_call(), repository, sha256_of(image->manifest)))) return "a child";
      std::vector<std::string> blobs = image->layers;
      blobs.push_back(image->config);
      for (const std::string& blob : blobs) {
        const bool is_known = run(names_->blobs().find(a_call(), repository, sha256_of(blob))).has_value();
        if (!is_known || !run(blobs_.open(a_call(), sha256_of(blob)))) return "blob '" + blob + "'";
      }
    }
    return "";
  }

  const oci::RepositoryId hosted_{std::nullopt, oci::Repository::parse("team/app").value()};
  const oci::RepositoryId cached_{oci::RegistryHost::parse("ghcr.io").value(),
                                  oci::Repository::parse("org/app").value()};
  const test::Image one_ = test::image_of("one", 2);
  const test::Image two_ = test::image_of("two", 2);
  const test::Image three_ = test::image_of("three", 1);
  const std::string first_ = test::index_of({{one_.manifest, "linux/amd64"}, {two_.manifest, "linux/arm64"}});
  const std::string second_ = test::index_of({{two_.manifest, "linux/arm64"}, {three_.manifest, "linux/amd64"}});
  test::TemporaryDirectory directory_;
  const std::filesystem::path path_ = directory_.path() / "lifeboat.db";
  test::ManualClock clock_;
  std::unique_ptr<meta::SqliteStore> names_ = meta::SqliteStore::open(path_, clock_).value();
  blob::MemoryStore blobs_;
  ContentLeases leases_{clock_};
  ChangeStamps stamps_;
};

TEST_F(ManifestCheckTest, keeps_a_layer_whose_record_was_lost_from_the_collector) {
  const int64_t all = edges();
  ASSERT_EQ(all, 3 + 3 + 2 + 2 + 2);
  // Each row in turn is each row at random.
  for (int64_t lost = 0; lost < all; ++lost) {
    lose(kLoseEdge, lost);
    test::keep_blob(blobs_, *names_, hosted_, "garbage " + std::to_string(lost));
    clock_.advance(std::chrono::hours(48));
    const auto report = collect();
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->contents, 1U) << "the garbage alone, edge " << lost;
    EXPECT_EQ(missing_in(hosted_), "") << "edge " << lost;
    EXPECT_EQ(missing_in(cached_), "") << "edge " << lost;
    EXPECT_EQ(report->restored, 1U) << "edge " << lost;
    EXPECT_EQ(edges(), all) << "edge " << lost;
  }
}

TEST_F(ManifestCheckTest, keeps_everything_when_all_records_are_lost) {
  const int64_t all = edges();
  lose_all();
  const auto report = collect();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->restored, 5U);
  EXPECT_EQ(report->contents, 0U);
  EXPECT_EQ(missing_in(hosted_) + missing_in(cached_), "");
  EXPECT_EQ(edges(), all);
}

TEST_F(ManifestCheckTest, tells_in_a_dry_run_without_writing) {
  lose_all();
  const auto report = collect(Sweep::DryRun::yes);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->links, 0U) << "it would not take what manifests name";
  EXPECT_EQ(edges(), 0);
}

TEST_F(ManifestCheckTest, leaves_a_repository_alone_whose_manifest_cannot_be_read) {
  test::keep_blob(blobs_, *names_, cached_, "garbage");
  clock_.advance(std::chrono::hours(48));
  blobs_.damage(sha256_of(one_.manifest), "x");
  ASSERT_TRUE(collect());
  EXPECT_TRUE(run(names_->blobs().find(a_call(), cached_, sha256_of("garbage"))))
      << "nobody can tell what the damaged manifest names";
}

TEST_F(ManifestCheckTest, ends_at_the_next_manifest_when_the_server_stops) {
  const int64_t all = edges();
  lose_all();
  int left = 3;
  ManifestCheck check(blobs_, *names_, ManifestCheck::Mend::yes, [&] { return left-- <= 0; });
  const Status stopped = run(check.look_at(a_call(), hosted_));
  ASSERT_FALSE(stopped) << "it went through the whole repository";
  EXPECT_EQ(stopped.error().code(), ErrorCode::cancelled);
  EXPECT_LE(check.restored(), 3U);
  left = 1000;
  ASSERT_TRUE(run(check.look_at(a_call(), hosted_))) << "it counts as not looked at";
  ASSERT_TRUE(run(check.look_at(a_call(), cached_)));
  EXPECT_EQ(edges(), all);
}

TEST_F(ManifestCheckTest, brings_no_manifest_back_that_was_deleted_meanwhile) {
  const auto edge = std::vector<meta::Edge>{{meta::EdgeKind::layer, sha256_of("x"), 1}};
  ASSERT_TRUE(run(names_->manifests().remove(a_call(), hosted_, sha256_of(first_))));
  const auto is_there = run(names_->reclaim().restore_edges(a_call(), hosted_, sha256_of(first_), edge));
  ASSERT_TRUE(is_there);
  EXPECT_FALSE(*is_there);
  EXPECT_FALSE(run(names_->manifests().find(a_call(), hosted_, sha256_of(first_))));
}

TEST_F(ManifestCheckTest, keeps_the_children_of_an_index_from_retention) {
  lose_all();
  Log log({.level = LogLevel::error});
  sys::Metrics metrics;
  Retainer retainer({.blobs = blobs_,
                     .names = *names_,
                     .stamps = stamps_,
                     .is_frozen = [](const oci::RegistryHost&) { return false; },
                     .clock = clock_,
                     .metrics = metrics,
                     .log = log},
                    {.policies = {{.match = {"team/*"}, .rule = {.delete_untagged_after = std::chrono::hours(1)}}}});
  const auto report = run(retainer.prune(Retainer::DryRun::no));
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->manifests, 0U);
  EXPECT_EQ(missing_in(hosted_), "");
}

}  // namespace
}  // namespace lifeboat::registry
