#include "meta/sqlite_store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "meta/sqlite_connection.h"
#include "meta/sqlite_schema.h"
#include "test/support/run.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::meta {
namespace {

namespace fs = std::filesystem;

constexpr Sql kMakeForeign{"make a foreign database", "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)"};
constexpr Sql kMakeNewer{"make a newer database", "PRAGMA user_version = 99"};
constexpr Sql kMakeFirst{"make a database of the first version",
                         "DROP INDEX tag_of_content; DROP INDEX tag_history_by_content; DROP TABLE capture; DROP TABLE "
                         "repository_platform; DROP TABLE tour; "
                         "ALTER TABLE tag DROP COLUMN confirmed; DROP TABLE fault; DROP TABLE condemned; ALTER TABLE "
                         "repository_blob DROP COLUMN touched; ALTER TABLE manifest DROP COLUMN untagged_since; "
                         "DROP TABLE pull; DROP TABLE pin; PRAGMA user_version = 1"};
constexpr Sql kHistory{"read the history",
                       "SELECT number, digest, at, source FROM tag_history JOIN content ON content.id = content_id "
                       "WHERE name = 'v1' ORDER BY number"};
constexpr Sql kPlanOfTags{"explain how the tags at a digest are found",
                          "EXPLAIN QUERY PLAN SELECT repository_id FROM tag WHERE content_id = 1"};
constexpr Sql kEdges{"count the edges", "SELECT count(*) FROM edge"};
constexpr Sql kCheck{"check the database", "PRAGMA integrity_check"};
constexpr Sql kApplication{"read the application id", "PRAGMA application_id"};
constexpr Sql kJournal{"read the journal mode", "PRAGMA journal_mode"};

Call call() { return {SteadyTime::max(), "test"}; }
oci::Digest digest(const std::string& text) { return oci::Digest::of(HashAlgorithm::sha256, as_bytes(text)); }
oci::RepositoryId hosted(const std::string& name) { return {std::nullopt, oci::Repository::parse(name).value()}; }
oci::Tag tag(const std::string& name) { return oci::Tag::parse(name).value(); }

class WallClock final : public sys::Clock {
 public:
  SteadyTime now() const override { return SteadyTime{}; }
  WallTime wall() const override { return WallTime(Duration(wall_ms)); }
  Awaitable<void> sleep_until(SteadyTime) override { co_return; }
  std::atomic<int64_t> wall_ms = 1000;
};

ManifestPut push_of(const std::string& name, const std::string& tag_name) {
  ManifestPut put{.repository = hosted("a"),
                  .manifest = {.digest = digest(name),
                               .media_type = "application/vnd.oci.image.manifest.v1+json",
                               .size_bytes = 5,
                               .subject = std::nullopt,
                               .artifact_type = "",
                               .annotations_json = ""},
                  .edges = {},
                  .tags = {tag(tag_name)},
                  .condition = {},
                  .source = "push"};
  put.edges.push_back({EdgeKind::layer, digest("layer of " + name), 7});
  return put;
}

class SqliteStoreTest : public testing::Test {
 protected:
  std::unique_ptr<SqliteStore> open(SqliteStoreOptions options = {}) {
    auto store = SqliteStore::open(path(), clock_, options);
    EXPECT_TRUE(store) << store.error().message();
    return std::move(store).value();
  }
  Error open_error(const fs::path& at) {
    auto store = SqliteStore::open(at, clock_);
    EXPECT_FALSE(store);
    return store ? Error(ErrorCode::internal, "") : store.error();
  }
  Error open_error() { return open_error(path()); }
  static Status put(Store& store, const std::string& name, const std::string& tag_name) {
    return test::run(store.manifests().put(call(), push_of(name, tag_name)));
  }
  static bool has(Store& store, const std::string& name) {
    return test::run(store.manifests().find(call(), hosted("a"), digest(name))).has_value();
  }
  fs::path path() const { return directory_.path() / "lifeboat.db"; }
  std::unique_ptr<SqliteConnection> connect() { return SqliteConnection::open(path().string()).value(); }
  static std::string bytes_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void write_bytes(const fs::path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
  }

  test::TemporaryDirectory directory_;
  WallClock clock_;
};

}  // namespace

TEST_F(SqliteStoreTest, has_everything_again_after_it_was_closed) {
  const oci::UploadId id = oci::UploadId::of_random(std::array<std::byte, 16>{});
  {
    const auto store = open();
    ASSERT_TRUE(put(*store, "m", "v1"));
    ASSERT_TRUE(test::run(store->blobs().add(call(), hosted("b"), {digest("x"), 9})));
    store->tags().note_checked(hosted("a"), tag("v1"), WallTime(Duration(5555)), true);
    store->uploads().add({id, hosted("c"), WallTime(Duration(1)), std::nullopt});
    EXPECT_TRUE(store->close());
  }
  EXPECT_FALSE(fs::exists(path().string() + "-wal")) << "written back at the end";
  const auto store = open();
  EXPECT_TRUE(has(*store, "m"));
  EXPECT_TRUE(test::run(store->blobs().find(call(), hosted("b"), digest("x"))));
  const auto found = test::run(store->tags().find(call(), hosted("a"), tag("v1")));
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->checked, WallTime(Duration(5555)));
  EXPECT_TRUE(found->is_gone_upstream);
  EXPECT_TRUE(test::run(store->uploads().find(call(), id)));
}

TEST_F(SqliteStoreTest, closes_by_itself) {
  {
    const auto store = open();
  }
  const auto store = open();
  EXPECT_TRUE(put(*store, "m", "v1"));
}

TEST_F(SqliteStoreTest, is_a_database_of_its_own_kind_with_a_write_ahead_log) {
  const auto store = open();
  const auto connection = connect();
  SqliteQuery application(*connection, kApplication);
  ASSERT_TRUE(application.next().value());
  EXPECT_EQ(application.integer(0), kApplicationId);
  SqliteQuery journal(*connection, kJournal);
  ASSERT_TRUE(journal.next().value());
  EXPECT_EQ(journal.text(0), "wal");
}

TEST_F(SqliteStoreTest, shares_the_database_with_a_second_handle) {
  const auto one = open();
  const auto two = open();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(put(*one, "one" + std::to_string(i), "v1"));
    EXPECT_TRUE(has(*two, "one" + std::to_string(i)));
    ASSERT_TRUE(put(*two, "two" + std::to_string(i), "v2"));
    EXPECT_TRUE(has(*one, "two" + std::to_string(i)));
  }
  EXPECT_TRUE(one->close());
  EXPECT_TRUE(has(*two, "one4")) << "the other one has closed";
}

TEST_F(SqliteStoreTest, writes_history_whenever_a_tag_gets_another_digest) {
  const auto store = open();
  ASSERT_TRUE(put(*store, "m", "v1"));
  clock_.wall_ms = 2000;
  ASSERT_TRUE(put(*store, "n", "v1"));
  ASSERT_TRUE(put(*store, "n", "v1"));
  clock_.wall_ms = 3000;
  ASSERT_TRUE(test::run(store->tags().point(call(), hosted("a"), tag("v1"), digest("m"), "ghcr.io")));
  const auto connection = connect();
  SqliteQuery history(*connection, kHistory);
  struct Row {
    std::string digest_of;
    int64_t at_ms;
    std::string source;
  };
  int64_t number = 0;
  for (const Row& row : std::vector<Row>{{"m", 1000, "push"}, {"n", 2000, "push"}, {"m", 3000, "ghcr.io"}}) {
    ASSERT_TRUE(history.next().value());
    EXPECT_EQ(history.integer(0), ++number);
    EXPECT_EQ(history.digest(1).value(), digest(row.digest_of));
    EXPECT_EQ(history.integer(2), row.at_ms);
    EXPECT_EQ(history.text(3), row.source);
  }
  EXPECT_FALSE(history.next().value());
}

TEST_F(SqliteStoreTest, drops_the_edges_of_a_manifest_that_no_repository_has) {
  const auto store = open();
  ASSERT_TRUE(put(*store, "m", "v1"));
  ASSERT_TRUE(test::run(store->manifests().remove(call(), hosted("a"), digest("m"))));
  const auto connection = connect();
  SqliteQuery edges(*connection, kEdges);
  ASSERT_TRUE(edges.next().value());
  EXPECT_EQ(edges.integer(0), 0);
}

TEST_F(SqliteStoreTest, has_what_was_acknowledged_when_it_was_never_closed) {
  const auto store = open();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(put(*store, std::to_string(i), "t" + std::to_string(i)));
  test::TemporaryDirectory copy;
  fs::copy_file(path(), copy.path() / "lifeboat.db");
  fs::copy_file(path().string() + "-wal", copy.path() / "lifeboat.db-wal");
  const auto again = SqliteStore::open(copy.path() / "lifeboat.db", clock_);
  ASSERT_TRUE(again) << again.error().message();
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(has(**again, std::to_string(i))) << i;
  EXPECT_TRUE(put(**again, "new", "v1"));
}

TEST_F(SqliteStoreTest, has_whole_pushes_wherever_its_log_was_torn) {
  constexpr int kPushes = 8;
  {
    const auto store = open();
  }
  const std::string database = bytes_of(path());
  const auto store = open();
  for (int i = 0; i < kPushes; ++i) ASSERT_TRUE(put(*store, std::to_string(i), "t" + std::to_string(i)));
  const std::string log = bytes_of(path().string() + "-wal");
  constexpr std::size_t kCuts = 40;
  int most = 0;
  for (std::size_t cut = 0; cut <= kCuts; ++cut) {
    test::TemporaryDirectory torn;
    const fs::path at = torn.path() / "lifeboat.db";
    write_bytes(at, database);
    write_bytes(at.string() + "-wal", log.substr(0, log.size() * cut / kCuts));
    const auto again = SqliteStore::open(at, clock_);
    ASSERT_TRUE(again) << again.error().message();
    int there = 0;
    while (there < kPushes && has(**again, std::to_string(there))) ++there;
    EXPECT_GE(there, most) << "cut " << cut;
    most = there;
    for (int i = 0; i < kPushes; ++i) {
      EXPECT_EQ(has(**again, std::to_string(i)), i < there) << "cut " << cut;
      const auto found = test::run((*again)->tags().find(call(), hosted("a"), tag("t" + std::to_string(i))));
      EXPECT_EQ(found.has_value(), i < there) << "cut " << cut;
    }
    const auto connection = SqliteConnection::open(at.string()).value();
    SqliteQuery check(*connection, kCheck);
    ASSERT_TRUE(check.next().value());
    EXPECT_EQ(check.text(0), "ok") << "cut " << cut;
  }
  EXPECT_EQ(most, kPushes);
}

TEST_F(SqliteStoreTest, begins_anew_in_an_empty_file) {
  write_bytes(path(), "");
  const auto store = open();
  EXPECT_TRUE(put(*store, "m", "v1"));
}

TEST_F(SqliteStoreTest, leaves_the_database_of_another_program_alone) {
  {
    ASSERT_TRUE(connect()->execute(kMakeForeign));
  }
  const std::string before = bytes_of(path());
  const Error error = open_error();
  EXPECT_EQ(error.code(), ErrorCode::conflict);
  EXPECT_NE(error.message().find(path().string()), std::string::npos) << error.message();
  EXPECT_NE(error.message().find("another program"), std::string::npos) << error.message();
  EXPECT_EQ(bytes_of(path()), before);
}

TEST_F(SqliteStoreTest, brings_up_a_database_of_the_first_version) {
  {
    const auto store = open();
    ManifestPut pulled = push_of("pulled", "v1");
    pulled.repository.host = oci::RegistryHost::parse("ghcr.io").value();
    ASSERT_TRUE(test::run(store->manifests().put(call(), push_of("pushed", "v1"))));
    ASSERT_TRUE(test::run(store->manifests().put(call(), std::move(pulled))));
  }
  {
    ASSERT_TRUE(connect()->execute(kMakeFirst));
  }
  const auto store = open();
  const auto pushed = test::run(store->tags().find(call(), hosted("a"), tag("v1"))).value();
  EXPECT_EQ(pushed.digest, digest("pushed"));
  EXPECT_EQ(pushed.confirmed, pushed.checked);
  EXPECT_NE(pushed.confirmed, WallTime{}) << "as far as it was known then";
  const auto jobs = test::run(store->captures().due(call(), WallTime::max(), 10)).value();
  ASSERT_EQ(jobs.size(), 1U) << "what came from upstreams before is looked through once";
  EXPECT_EQ(jobs[0].manifest, digest("pulled"));
}

TEST_F(SqliteStoreTest, finds_the_tags_at_a_digest_without_reading_all_tags) {
  const auto store = open();
  const auto connection = connect();
  SqliteQuery plan(*connection, kPlanOfTags);
  ASSERT_TRUE(plan.next().value_or(false));
  EXPECT_TRUE(plan.text(3).starts_with("SEARCH tag USING")) << plan.text(3);
}

TEST_F(SqliteStoreTest, goes_on_with_a_tour_where_it_was) {
  {
    const auto store = open();
    store->tours().note("scrub", {.position = "sha256:ab", .started = WallTime(Duration(100))});
    ASSERT_TRUE(store->close());
  }
  const auto tour = test::run(open()->tours().find(call(), "scrub")).value();
  ASSERT_TRUE(tour);
  EXPECT_EQ(tour->position, "sha256:ab");
  EXPECT_EQ(tour->started, WallTime(Duration(100)));
}

TEST_F(SqliteStoreTest, leaves_the_database_of_a_newer_version_alone) {
  {
    const auto store = open();
  }
  {
    ASSERT_TRUE(connect()->execute(kMakeNewer));
  }
  const std::string before = bytes_of(path());
  const Error error = open_error();
  EXPECT_EQ(error.code(), ErrorCode::unsupported);
  EXPECT_NE(error.message().find("newer version"), std::string::npos) << error.message();
  const std::string versions = "got schema version 99, want at most " + std::to_string(kSchemaVersion);
  EXPECT_TRUE(error.message().contains(versions)) << error.message();
  EXPECT_EQ(bytes_of(path()), before);
}

TEST_F(SqliteStoreTest, refuses_a_file_that_is_no_database) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "this is no database\n";
  write_bytes(path(), text);
  const Error error = open_error();
  EXPECT_EQ(error.code(), ErrorCode::corrupt);
  EXPECT_NE(error.message().find(path().string()), std::string::npos) << error.message();
  EXPECT_EQ(bytes_of(path()), text);
}

TEST_F(SqliteStoreTest, reports_damage_where_it_meets_it) {
  constexpr int kPushes = 150;
  {
    const auto store = open();
    for (int i = 0; i < kPushes; ++i) ASSERT_TRUE(put(*store, std::to_string(i), "t" + std::to_string(i)));
  }
  std::string bytes = bytes_of(path());
  // The first three quarters have the schema and the roots of the tables.
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() / 4 * 3), bytes.end(), '\x5a');
  write_bytes(path(), bytes);
  const auto store = open();
  int corrupt = 0;
  for (int i = 0; i < kPushes; ++i) {
    const auto found = test::run(store->manifests().find(call(), hosted("a"), digest(std::to_string(i))));
    if (found) continue;
    ASSERT_EQ(found.error().code(), ErrorCode::corrupt) << found.error().message();
    EXPECT_NE(found.error().message().find("cannot find a manifest in database"), std::string::npos);
    EXPECT_NE(found.error().message().find(path().string()), std::string::npos);
    ++corrupt;
  }
  EXPECT_GT(corrupt, 0);
}

TEST_F(SqliteStoreTest, says_when_its_directory_is_not_there) {
  const Error error = open_error(directory_.path() / "none" / "lifeboat.db");
  EXPECT_NE(error.message().find("none/lifeboat.db"), std::string::npos) << error.message();
  EXPECT_NE(error.message().find("No such file or directory"), std::string::npos) << error.message();
}

TEST_F(SqliteStoreTest, refuses_writes_when_it_may_not_grow_and_goes_on_reading) {
  // Room for some writes, not for all.
  const auto store = open({.size_max_bytes = 600 * kKiB});
  const std::string large = R"({"k":")" + std::string(10 * kKiB, 'x') + R"("})";
  const auto put_large = [&](int number) {
    ManifestPut put = push_of(std::to_string(number), "t" + std::to_string(number));
    put.manifest.annotations_json = large;
    return test::run(store->manifests().put(call(), std::move(put)));
  };
  int done = 0;
  Status last;
  while (last && done < 1000) {
    last = put_large(done);
    if (last) ++done;
  }
  ASSERT_FALSE(last) << "it never became full";
  EXPECT_EQ(last.error().code(), ErrorCode::no_space) << last.error().message();
  EXPECT_NE(last.error().message().find("full"), std::string::npos) << last.error().message();
  EXPECT_GT(done, 10);
  EXPECT_FALSE(has(*store, std::to_string(done))) << "the write that failed left nothing";
  for (int i = 0; i < done; ++i) ASSERT_TRUE(has(*store, std::to_string(i))) << i;
  ASSERT_TRUE(test::run(store->manifests().remove(call(), hosted("a"), digest("0"))));
  EXPECT_TRUE(put_large(0)) << "there is room again";
}

}  // namespace lifeboat::meta
