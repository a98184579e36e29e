#include <gtest/gtest.h>

#include "meta/sqlite_connection.h"
#include "meta/sqlite_store.h"
#include "test/support/manual_clock.h"
#include "test/support/run.h"
#include "test/support/temporary_directory.h"

/// Rows that a damaged disk or a hand has taken out of the database.
namespace lifeboat::meta {
namespace {

constexpr Sql kNoRules{"keep no rules", "PRAGMA foreign_keys = OFF"};
constexpr Sql kLoseTag{"lose the tag and its manifest", "DELETE FROM tag; DELETE FROM manifest"};
constexpr Sql kLoseLast{"lose the last digest", "DELETE FROM content WHERE id = (SELECT max(id) FROM content)"};

Call call() { return {SteadyTime::max(), "test"}; }
oci::Digest digest(const std::string& text) { return oci::Digest::of(HashAlgorithm::sha256, as_bytes(text)); }

class LostRowsTest : public testing::Test {
 protected:
  Status push(const std::string& name, std::vector<Edge> edges) {
    ManifestPut put{.repository = app_,
                    .manifest = {.digest = digest(name),
                                 .media_type = "application/vnd.oci.image.manifest.v1+json",
                                 .size_bytes = 5,
                                 .subject = std::nullopt,
                                 .artifact_type = "",
                                 .annotations_json = ""},
                    .edges = std::move(edges),
                    .tags = {oci::Tag::parse(name).value()},
                    .condition = {},
                    .source = "push"};
    return test::run(store_->manifests().put(call(), std::move(put)));
  }
  void lose(const Sql& sql) {
    const auto connection = SqliteConnection::open((directory_.path() / "lifeboat.db").string()).value();
    ASSERT_TRUE(connection->execute(kNoRules));
    ASSERT_TRUE(connection->execute(sql));
  }
  std::vector<LostManifest> lost() { return test::run(store_->faults().lost_manifests(call(), 10)).value(); }

  const oci::RepositoryId app_{std::nullopt, oci::Repository::parse("app").value()};
  test::TemporaryDirectory directory_;
  test::ManualClock clock_;
  std::unique_ptr<SqliteStore> store_ = SqliteStore::open(directory_.path() / "lifeboat.db", clock_).value();
};

TEST_F(LostRowsTest, make_no_tag_lead_to_what_is_pushed_later) {
  ASSERT_TRUE(push("first", {}));
  lose(kLoseLast);
  ASSERT_TRUE(push("second", {}));
  const auto found = test::run(store_->tags().find(call(), app_, oci::Tag::parse("first").value()));
  EXPECT_FALSE(found) << "it leads to " << found->digest.to_string();
}

TEST_F(LostRowsTest, of_a_tag_and_its_manifest_are_told_by_what_is_left_of_both) {
  ASSERT_TRUE(push("first", {{EdgeKind::layer, digest("layer"), 7}}));
  EXPECT_TRUE(lost().empty());
  lose(kLoseTag);
  EXPECT_EQ(lost(), (std::vector<LostManifest>{{app_, digest("first")}}));
  const auto places = test::run(store_->faults().places(call(), digest("first"))).value();
  EXPECT_EQ(places, (std::vector<ContentPlace>{{app_, true}}));
}

TEST_F(LostRowsTest, are_not_what_somebody_has_deleted) {
  ASSERT_TRUE(push("first", {{EdgeKind::layer, digest("layer"), 7}}));
  ASSERT_TRUE(test::run(store_->manifests().remove(call(), app_, digest("first"))));
  EXPECT_TRUE(lost().empty());
  EXPECT_TRUE(test::run(store_->faults().places(call(), digest("first"))).value().empty());
}

}  // namespace
}  // namespace lifeboat::meta
