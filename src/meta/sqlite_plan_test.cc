#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "meta/sqlite_eviction.h"
#include "meta/sqlite_manifests.h"
#include "meta/sqlite_schema.h"
#include "meta/sqlite_usage.h"
#include "test/support/temporary_directory.h"

/// What is asked for one manifest costs what hangs on that manifest, however many the repository has. SQLite decides
/// without statistics, and not always as one would think.

namespace lifeboat::meta {
namespace {

struct Question {
  const Sql& sql;
  std::vector<std::string> steps;  ///< how the tables are read, in this order
};

class SqlitePlanTest : public testing::Test {
 protected:
  std::vector<std::string> plan_of(const Sql& sql) {
    const std::string text = std::string("EXPLAIN QUERY PLAN ") + sql.text;
    const auto connection = SqliteConnection::open((directory_.path() / "lifeboat.db").string()).value();
    EXPECT_TRUE(bring_up_schema(*connection));
    const Sql explain{"explain a statement", text.c_str()};
    std::vector<std::string> steps;
    SqliteQuery query(*connection, explain);
    for (;;) {
      const auto has_row = query.next();
      EXPECT_TRUE(has_row) << has_row.error().message();
      if (!has_row.value_or(false)) return steps;
      if (std::string step = query.text(3); step.starts_with("S")) steps.push_back(std::move(step));
    }
  }

  test::TemporaryDirectory directory_;
};

}  // namespace

TEST_F(SqlitePlanTest, reads_what_hangs_on_a_manifest_and_not_the_repository) {
  const std::vector<Question> questions{
      {kCompany,
       {"SCAN CONSTANT ROW", "SEARCH manifest USING PRIMARY KEY (repository_id=? AND content_id=?)",
        "SEARCH manifest USING COVERING INDEX manifest_by_subject (subject_id=? AND repository_id=?)",
        "SCAN (subquery-3)", "SEARCH manifest USING PRIMARY KEY (repository_id=? AND content_id=?)",
        "SEARCH content USING INTEGER PRIMARY KEY (rowid=?)"}},
      {kReferrers,
       {"SEARCH manifest USING INDEX manifest_by_subject (subject_id=? AND repository_id=?)", "SCALAR SUBQUERY 1",
        "SEARCH content USING COVERING INDEX sqlite_autoindex_content_1 (digest=?)",
        "SEARCH content USING INTEGER PRIMARY KEY (rowid=?)"}},
      {kStandsIn,
       {"SEARCH past USING COVERING INDEX tag_history_by_content (content_id=? AND repository_id=?)",
        "SEARCH tag USING PRIMARY KEY (repository_id=? AND name=?)",
        "SEARCH capture USING PRIMARY KEY (repository_id=? AND content_id=?)"}}};
  for (const Question& question : questions) EXPECT_EQ(plan_of(question.sql), question.steps) << question.sql.purpose;
}

}  // namespace lifeboat::meta
