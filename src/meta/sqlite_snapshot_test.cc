#include "meta/sqlite_snapshot.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "meta/sqlite_connection.h"
#include "meta/sqlite_store.h"
#include "sys/clock.h"
#include "test/support/code_of.h"
#include "test/support/run.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::meta {
namespace {

using test::code_of;

constexpr Sql kForgetManifest{"forget the manifest",
                              "PRAGMA foreign_keys = OFF; DELETE FROM edge; "
                              "INSERT INTO edge VALUES (1, 1, 999, 5), (998, 1, 1, 5)"};

Call call() { return {SteadyTime::max(), "test"}; }
oci::Digest digest(const std::string& text) { return oci::Digest::of(HashAlgorithm::sha256, as_bytes(text)); }
oci::RepositoryId hosted(const std::string& name) { return {std::nullopt, oci::Repository::parse(name).value()}; }

class SqliteSnapshotTest : public testing::Test {
 protected:
  SqliteSnapshotTest() {
    store_ = SqliteStore::open(path(), clock_).value();
    const ManifestRecord manifest{.digest = digest("manifest"),
                                  .media_type = "application/vnd.oci.image.manifest.v1+json",
                                  .size_bytes = 5,
                                  .subject = std::nullopt,
                                  .artifact_type = "",
                                  .annotations_json = ""};
    EXPECT_TRUE(test::run(store_->blobs().add(call(), hosted("b"), {digest("layer"), 7})));
    EXPECT_TRUE(test::run(store_->blobs().add(call(), hosted("b"), {digest("alone"), 3})));
    EXPECT_TRUE(test::run(store_->manifests().put(
        call(), {.repository = hosted("a/b"),
                 .manifest = manifest,
                 .edges = {{EdgeKind::layer, digest("layer"), 7}, {EdgeKind::config, digest("nowhere"), 7}},
                 .tags = {oci::Tag::parse("v1").value()},
                 .condition = {},
                 .source = "push"})));
  }
  std::string path() const { return (directory_.path() / "lifeboat.db").string(); }
  std::unique_ptr<SqliteSnapshot> snapshot() const { return SqliteSnapshot::open(path()).value(); }
  bool has_beside(const std::string& ending) const { return std::filesystem::exists(path() + ending); }

  test::TemporaryDirectory directory_;
  const sys::SystemClock clock_;
  std::unique_ptr<SqliteStore> store_;
};

std::set<oci::Digest> gathered(const std::function<Status(const SqliteSnapshot::TakeDigest&)>& ask) {
  std::set<oci::Digest> found;
  EXPECT_TRUE(ask([&](const oci::Digest& one) { found.insert(one); }));
  return found;
}

TEST_F(SqliteSnapshotTest, has_the_names_of_each_repository_and_what_it_may_serve) {
  ASSERT_TRUE(store_->close());
  const auto read = snapshot();
  const auto repositories = read->repositories().value();
  ASSERT_EQ(repositories.size(), 2U);
  EXPECT_EQ(repositories[0].path, "a/b");
  EXPECT_EQ(repositories[1].path, "b");
  const int64_t first = repositories[0].number;
  std::vector<std::string> tags;
  ASSERT_TRUE(read->tags(first, [&](std::string tag, const oci::Digest& target) {
    tags.push_back(std::move(tag));
    EXPECT_EQ(target, digest("manifest"));
  }));
  EXPECT_EQ(tags, std::vector<std::string>{"v1"});
  using Set = std::set<oci::Digest>;
  EXPECT_EQ(gathered([&](const auto& take) { return read->manifests(first, take); }), Set{digest("manifest")});
  EXPECT_EQ(gathered([&](const auto& take) { return read->blobs(first, take); }), Set{digest("layer")})
      << "what its manifest names and the store has, without a link of its own";
  EXPECT_EQ(gathered([&](const auto& take) { return read->blobs(repositories[1].number, take); }),
            (Set{digest("layer"), digest("alone")}));
  EXPECT_EQ(gathered([&](const auto& take) { return read->contents(take); }),
            (Set{digest("layer"), digest("alone"), digest("manifest")}))
      << "what should have bytes: not the config that is only named";
}

TEST_F(SqliteSnapshotTest, leaves_nothing_beside_a_database_that_was_closed) {
  ASSERT_TRUE(store_->close());
  const auto read = snapshot();
  EXPECT_TRUE(read->repositories());
  EXPECT_FALSE(has_beside("-wal"));
  EXPECT_FALSE(has_beside("-shm"));
}

TEST_F(SqliteSnapshotTest, sees_what_is_only_in_the_log_of_a_process_that_was_killed) {
  std::filesystem::copy_file(path(), path() + ".cut");
  std::filesystem::copy_file(path() + "-wal", path() + ".cut-wal");
  const auto read = SqliteSnapshot::open(path() + ".cut");
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ((*read)->repositories().value().size(), 2U);
}

TEST_F(SqliteSnapshotTest, finds_edges_that_lead_nowhere) {
  const auto none = [](const oci::Digest&) {};
  ASSERT_TRUE(store_->close());
  EXPECT_EQ(snapshot()->dangling_edges(none).value(), 0U);
  {
    const auto connection = SqliteConnection::open(path()).value();
    ASSERT_TRUE(connection->execute(kForgetManifest));
  }
  std::size_t told = 0;
  EXPECT_EQ(snapshot()->dangling_edges([&](const oci::Digest&) { ++told; }).value(), 2U);
  EXPECT_EQ(told, 1U) << "of the other the database does not know even the digest";
}

TEST_F(SqliteSnapshotTest, says_what_it_cannot_read) {
  EXPECT_EQ(code_of(SqliteSnapshot::open(path() + ".nowhere")), "not_found");
  const std::string stranger = (directory_.path() / "50%?#.db").string();
  const auto connection = SqliteConnection::open(stranger).value();
  ASSERT_TRUE(connection->execute(Sql{"make a foreign database", "CREATE TABLE theirs (x)"}));
  EXPECT_EQ(code_of(SqliteSnapshot::open(stranger)), "conflict") << "also under a name with letters that URIs have";
}

}  // namespace
}  // namespace lifeboat::meta
