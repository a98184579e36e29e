#include "meta/sqlite_writer.h"

#include <gtest/gtest.h>

#include <latch>

#include "sys/event_loops.h"
#include "test/support/run.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::meta {
namespace {

constexpr Sql kMake{"make a table", "PRAGMA journal_mode = WAL; CREATE TABLE t (x INTEGER PRIMARY KEY)"};
constexpr Sql kInsert{"insert a row", "INSERT INTO t (x) VALUES (?)"};
constexpr Sql kCount{"count rows", "SELECT count(*) FROM t"};

using Work = std::function<Status(SqliteConnection&)>;

Result<int64_t> count(SqliteConnection& connection) {
  SqliteQuery query(connection, kCount);
  LB_TRY(const bool has_row, query.next());
  return has_row ? query.integer(0) : -1;
}

class SqliteWriterTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string path = (directory_.path() / "test.db").string();
    auto connection = SqliteConnection::open(path).value();
    ASSERT_TRUE(connection->execute(kMake));
    other_ = SqliteConnection::open(path).value();
    writer_ = std::make_unique<SqliteWriter>(std::move(connection), clock_, nullptr);
  }

  Task<void> insert(int64_t x) {
    return writer_->write<void>(call(), [x](SqliteConnection& db) { return SqliteQuery(db, kInsert, x).run(); });
  }
  static Call call() { return {SteadyTime::max(), "test"}; }

  test::TemporaryDirectory directory_;
  sys::SystemClock clock_;
  std::unique_ptr<SqliteConnection> other_;
  std::unique_ptr<SqliteWriter> writer_;
};

Awaitable<void> keep(Task<void> work, Status& result, std::latch& ended) {
  result = co_await std::move(work);
  ended.count_down();
}

}  // namespace

TEST_F(SqliteWriterTest, commits_together_what_waits_together_and_fails_one_alone) {
  constexpr int kJobs = 10;
  std::latch writer_is_busy(1);
  std::latch all_wait(1);
  std::latch ended(kJobs + 2);
  std::vector<Status> results(kJobs + 2);
  int64_t seen_by_others = -1;
  sys::EventLoops loops(1);

  loops.spawn(0, keep(writer_->write<void>(call(),
                                           [&](SqliteConnection&) -> Status {
                                             writer_is_busy.count_down();
                                             all_wait.wait();
                                             return {};
                                           }),
                      results[0], ended));
  std::jthread loop([&] { loops.run(); });
  writer_is_busy.wait();
  // The sixth meets its own key again, after it has written another row.
  for (int i = 1; i <= kJobs; ++i) {
    loops.spawn(0, keep(writer_->write<void>(call(),
                                             [i](SqliteConnection& db) -> Status {
                                               LB_CHECK(SqliteQuery(db, kInsert, i).run());
                                               if (i == 6) LB_CHECK(SqliteQuery(db, kInsert, 1).run());
                                               return {};
                                             }),
                        results[static_cast<std::size_t>(i)], ended));
  }
  loops.spawn(0, keep(writer_->write<void>(call(),
                                           [&](SqliteConnection&) -> Status {
                                             seen_by_others = count(*other_).value();
                                             return {};
                                           }),
                      results[kJobs + 1], ended));
  loops.post(0, [&] { all_wait.count_down(); });
  ended.wait();
  loops.stop();
  loop.join();

  EXPECT_EQ(seen_by_others, 0) << "nothing was committed before the last of the group had run";
  for (int i = 0; i < kJobs + 2; ++i) {
    EXPECT_EQ(results[static_cast<std::size_t>(i)].has_value(), i != 6) << i;
  }
  EXPECT_EQ(results[6].error().code(), ErrorCode::internal);
  EXPECT_NE(results[6].error().message().find("cannot insert a row in database"), std::string::npos);
  EXPECT_EQ(count(*other_).value(), kJobs - 1);
}

TEST_F(SqliteWriterTest, runs_a_group_once_when_a_job_refuses_before_it_writes) {
  int runs = 0;
  const auto refused = test::run(writer_->write<void>(call(), [&runs](SqliteConnection&) -> Status {
    ++runs;
    return fail(ErrorCode::conflict, "refused");
  }));
  EXPECT_EQ(refused.error().code(), ErrorCode::conflict);
  EXPECT_EQ(runs, 1);
}

TEST_F(SqliteWriterTest, shows_soon_writes_to_readers_once_settled) {
  for (int i = 0; i < 100; ++i) {
    writer_->write_soon("insert", [i](SqliteConnection& db) { return SqliteQuery(db, kInsert, i).run(); });
  }
  test::run([](SqliteWriter& writer) -> Awaitable<bool> {
    co_await writer.settle();
    co_return true;
  }(*writer_));
  EXPECT_EQ(count(*other_).value(), 100);
}

TEST_F(SqliteWriterTest, ends_what_was_begun_before_it_closes) {
  for (int i = 0; i < 100; ++i) {
    writer_->write_soon("insert", [i](SqliteConnection& db) { return SqliteQuery(db, kInsert, i).run(); });
  }
  EXPECT_TRUE(writer_->close());
  EXPECT_EQ(count(*other_).value(), 100);
}

TEST_F(SqliteWriterTest, goes_on_after_a_soon_write_that_failed) {
  for (int i = 0; i < 3; ++i) {
    writer_->write_soon("insert", [](SqliteConnection& db) { return SqliteQuery(db, kInsert, 1).run(); });
  }
  EXPECT_TRUE(test::run(insert(2)));
  EXPECT_EQ(count(*other_).value(), 2);
}

TEST_F(SqliteWriterTest, resumes_with_the_value_of_the_work) {
  ASSERT_TRUE(test::run(insert(7)));
  const auto counted = test::run(writer_->write<int64_t>(call(), [](SqliteConnection& db) { return count(db); }));
  ASSERT_TRUE(counted) << counted.error().message();
  EXPECT_EQ(*counted, 1);
}

}  // namespace lifeboat::meta
