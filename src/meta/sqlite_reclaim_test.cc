#include <gtest/gtest.h>

#include "meta/sqlite_connection.h"
#include "meta/sqlite_store.h"
#include "test/support/manual_clock.h"
#include "test/support/run.h"
#include "test/support/temporary_directory.h"

/// Rows that are lost behind the store's back. What both stores do is for test/conformance.
namespace lifeboat::meta {
namespace {

constexpr Sql kLoseBlob{"lose the record of a blob", "UPDATE content SET blob_size = NULL WHERE digest = ?"};
constexpr Sql kLoseManifest{"lose the record of a manifest",
                            "DELETE FROM manifest WHERE content_id = (SELECT id FROM content WHERE digest = ?)"};

Call call() { return {SteadyTime::max(), "test"}; }
oci::Digest digest(const std::string& text) { return oci::Digest::of(HashAlgorithm::sha256, as_bytes(text)); }

class SqliteReclaimTest : public testing::Test {
 protected:
  SqliteReclaimTest() {
    for (const char* name : {"config", "layer"}) {
      EXPECT_TRUE(test::run(store_->blobs().add(call(), repository_, {digest(name), 7})));
    }
    put("child", {{EdgeKind::config, digest("config"), 7}, {EdgeKind::layer, digest("layer"), 7}}, {});
    put("index", {{EdgeKind::manifest, digest("child"), 7}, {EdgeKind::layer, digest("foreign"), 7}},
        {oci::Tag::parse("v1").value()});
  }

  void put(const std::string& name, std::vector<Edge> edges, std::vector<oci::Tag> tags) {
    ManifestPut put{.repository = repository_,
                    .manifest = {.digest = digest(name),
                                 .media_type = "application/vnd.oci.image.manifest.v1+json",
                                 .size_bytes = 5,
                                 .subject = std::nullopt,
                                 .artifact_type = "",
                                 .annotations_json = ""},
                    .edges = std::move(edges),
                    .tags = std::move(tags),
                    .condition = {},
                    .source = "push"};
    EXPECT_TRUE(test::run(store_->manifests().put(call(), std::move(put))));
  }
  void lose(const Sql& sql, const std::string& name) {
    const auto connection = SqliteConnection::open(path_.string()).value();
    ASSERT_TRUE(SqliteQuery(*connection, sql, digest(name)).run());
  }
  bool is_needed(const std::string& name) {
    return test::run(store_->reclaim().unneeded(call(), {digest(name)}))->empty();
  }
  /// What a pass would take of rows, long after.
  std::size_t reclaimable() {
    std::size_t found = 0;
    for (const bool is_at_blobs : {false, true}) {
      const ReclaimPosition from{.is_at_blobs = is_at_blobs};
      found += test::run(store_->reclaim().look(call(), from, WallTime::max(), 100))->found.size();
    }
    return found;
  }
  std::vector<std::string> faults() { return test::run(store_->reclaim().faults(call(), 10)).value(); }
  void expect_refused_for(const std::string& name) {
    const auto found = faults();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_NE(found[0].find(digest(name).to_string()), std::string::npos) << found[0];
    ASSERT_TRUE(test::run(store_->faults().note(call(), {.digest = digest(name)})));
    EXPECT_TRUE(faults().empty()) << "that it is lost is known, and no reason to collect nothing for ever";
    EXPECT_TRUE(is_needed(name));
    EXPECT_EQ(reclaimable(), 0U);
  }

  const oci::RepositoryId repository_{std::nullopt, oci::Repository::parse("team/app").value()};
  test::TemporaryDirectory directory_;
  const std::filesystem::path path_ = directory_.path() / "lifeboat.db";
  test::ManualClock clock_;
  std::unique_ptr<SqliteStore> store_ = SqliteStore::open(path_, clock_).value();
};

}  // namespace

TEST_F(SqliteReclaimTest, finds_no_fault_with_a_layer_that_need_not_be_here) { EXPECT_TRUE(faults().empty()); }

TEST_F(SqliteReclaimTest, keeps_a_blob_whose_record_is_lost_and_names_it) {
  lose(kLoseBlob, "layer");
  EXPECT_TRUE(is_needed("layer"));
  EXPECT_EQ(reclaimable(), 0U);
  expect_refused_for("layer");
}

TEST_F(SqliteReclaimTest, keeps_a_child_whose_record_is_lost_and_all_it_names) {
  lose(kLoseManifest, "child");
  for (const char* name : {"child", "config", "layer"}) EXPECT_TRUE(is_needed(name)) << name;
  EXPECT_EQ(reclaimable(), 0U) << "the links of what the child names";
  const std::vector<Reclaimable> seen_before{{.repository = repository_, .digest = digest("layer")}};
  EXPECT_TRUE(test::run(store_->reclaim().release(call(), seen_before, WallTime::max()))->empty());
  expect_refused_for("child");
}

TEST_F(SqliteReclaimTest, refuses_for_a_tag_without_its_manifest_until_that_is_known_to_be_lost) {
  lose(kLoseManifest, "index");
  ASSERT_EQ(faults().size(), 1U);
  EXPECT_NE(faults()[0].find("team/app:v1"), std::string::npos) << faults()[0];
  EXPECT_TRUE(is_needed("index"));
  ASSERT_TRUE(test::run(store_->faults().note(call(), {.digest = digest("index")})));
  EXPECT_TRUE(faults().empty());
  EXPECT_EQ(reclaimable(), 0U);
}

TEST_F(SqliteReclaimTest, keeps_a_blob_whose_record_is_lost_while_a_link_is_there) {
  ASSERT_TRUE(test::run(store_->blobs().add(call(), repository_, {digest("just pushed"), 7})));
  lose(kLoseBlob, "just pushed");
  EXPECT_TRUE(is_needed("just pushed"));
}

}  // namespace lifeboat::meta
