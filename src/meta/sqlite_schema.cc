#include "meta/sqlite_schema.h"

#include <array>

/// Each digest stands once, in `content`, and has a number there; all else names the number. Digests are random, so an
/// index over them changes a page for each; numbers grow, so what is pushed together lies together, and a push of a
/// manifest writes a third of the pages. Tables without a rowid are ordered by their key: a page of tags or the edges
/// of a manifest are neighbours on disk. Digests are BLOBs (sqlite_connection.cc), times milliseconds since 1970, the
/// host of a repository hosted here ''.

namespace lifeboat::meta {
namespace {

constexpr Sql kVersion1{"create the schema", R"(
CREATE TABLE repository (
  id INTEGER PRIMARY KEY,
  host TEXT NOT NULL,
  name TEXT NOT NULL,
  path TEXT NOT NULL,            -- as clients write it: what lists are ordered by
  has_content INTEGER NOT NULL,  -- 1: has a manifest or a linked blob now
  UNIQUE (host, name)
) STRICT;
CREATE INDEX repository_listed ON repository (path, has_content) WHERE has_content = 1;

CREATE TABLE content (
  id INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  blob_size INTEGER              -- NULL: no blob is recorded, only something names the digest
) STRICT;

CREATE TABLE repository_blob (
  repository_id INTEGER NOT NULL REFERENCES repository,
  content_id INTEGER NOT NULL REFERENCES content,
  PRIMARY KEY (repository_id, content_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX repository_blob_by_content ON repository_blob (content_id);

CREATE TABLE manifest (
  repository_id INTEGER NOT NULL REFERENCES repository,
  content_id INTEGER NOT NULL REFERENCES content,
  media_type TEXT NOT NULL,
  size INTEGER NOT NULL,
  subject_id INTEGER REFERENCES content,
  artifact_type TEXT NOT NULL,
  annotations TEXT NOT NULL,
  PRIMARY KEY (repository_id, content_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX manifest_by_content ON manifest (content_id);
CREATE INDEX manifest_by_subject ON manifest (subject_id, repository_id) WHERE subject_id IS NOT NULL;

CREATE TABLE edge (              -- a matter of the content: once, however many repositories have the parent
  parent_id INTEGER NOT NULL,
  kind INTEGER NOT NULL,         -- 0 config, 1 layer, 2 manifest
  child_id INTEGER NOT NULL,
  size INTEGER NOT NULL,
  PRIMARY KEY (parent_id, kind, child_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX edge_by_child ON edge (child_id);

CREATE TABLE tag (
  repository_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  content_id INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  checked INTEGER NOT NULL,
  gone INTEGER NOT NULL,
  PRIMARY KEY (repository_id, name),
  FOREIGN KEY (repository_id, content_id) REFERENCES manifest
) STRICT, WITHOUT ROWID;
CREATE INDEX tag_by_content ON tag (repository_id, content_id);

CREATE TABLE tag_history (       -- a row whenever a tag gets another digest
  repository_id INTEGER NOT NULL REFERENCES repository,
  name TEXT NOT NULL,
  number INTEGER NOT NULL,       -- 1, 2, … of this tag
  content_id INTEGER NOT NULL,
  at INTEGER NOT NULL,
  source TEXT NOT NULL,
  PRIMARY KEY (repository_id, name, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE upload (            -- names its repository by text: a session alone does not make one
  id TEXT PRIMARY KEY,
  host TEXT NOT NULL,
  name TEXT NOT NULL,
  started INTEGER NOT NULL,
  committed BLOB
) STRICT, WITHOUT ROWID;

PRAGMA application_id = 0x4c666274;
PRAGMA user_version = 1;
)"};

/// What came from an upstream before there were captures is looked through once, spread over six hours, so that what is
/// pulled meanwhile does not wait for it.
constexpr Sql kVersion2{"add captures to the schema", R"(
CREATE TABLE capture (
  repository_id INTEGER NOT NULL REFERENCES repository,
  content_id INTEGER NOT NULL REFERENCES content,
  platforms TEXT NOT NULL,
  due INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  last_error TEXT NOT NULL,
  PRIMARY KEY (repository_id, content_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX capture_by_due ON capture (due);
INSERT INTO capture SELECT repository_id, content_id, '',
  1000 * CAST(strftime('%s', 'now') AS INTEGER) + abs(random() % 21600000), 0, '' FROM manifest
  JOIN repository ON repository.id = repository_id WHERE host <> '';

CREATE TABLE repository_platform (  -- what is pulled from a repository of an upstream
  repository_id INTEGER NOT NULL REFERENCES repository,
  platform TEXT NOT NULL,
  PRIMARY KEY (repository_id, platform)
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 2;
)"};

/// What goes over everything again and again goes on where it was.
constexpr Sql kTours{"add tours to the schema", R"(
CREATE TABLE tour (
  name TEXT PRIMARY KEY,
  position TEXT NOT NULL,
  started INTEGER,               -- NULL: none is under way
  finished INTEGER               -- NULL: none has come to its end
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 3;
)"};

/// `checked` alone forgot, at each answer that a tag is gone, when the tag was last there.
constexpr Sql kConfirmed{"add to the schema when a tag was confirmed", R"(
ALTER TABLE tag ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 0;
UPDATE tag SET confirmed = checked;

PRAGMA user_version = 4;
)"};

/// What is missing though names stand for it.
constexpr Sql kFaults{"add faults to the schema", R"(
CREATE TABLE fault (
  content_id INTEGER PRIMARY KEY REFERENCES content,
  kind INTEGER NOT NULL,         -- 0 missing, 1 wrong size, 2 wrong bytes
  detail TEXT NOT NULL,
  found INTEGER NOT NULL,
  tries INTEGER NOT NULL,
  due INTEGER NOT NULL,
  last_error TEXT NOT NULL
) STRICT;

PRAGMA user_version = 5;
)"};

/// What the collector decides by. What was here before counts as touched at the upgrade: its grace begins then.
constexpr Sql kCollection{"add collection to the schema", R"(
ALTER TABLE repository_blob ADD COLUMN touched INTEGER NOT NULL DEFAULT 0;  -- when it was made or relied on
UPDATE repository_blob SET touched = 1000 * CAST(strftime('%s', 'now') AS INTEGER);

CREATE TABLE condemned (         -- bytes that lost their row and may still be on disk
  digest BLOB PRIMARY KEY,
  size INTEGER NOT NULL,
  since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX condemned_by_since ON condemned (since);

PRAGMA user_version = 6;
)"};

/// What hangs on a digest is asked for one digest after the other; tag_by_content begins with the repository.
constexpr Sql kTagsOfContent{"add to the schema which tags point at a digest", R"(
CREATE INDEX tag_of_content ON tag (content_id);

PRAGMA user_version = 7;
)"};

/// What retention decides by. What was without a tag before counts as having lost it at the upgrade.
constexpr Sql kUsage{"add usage to the schema", R"(
ALTER TABLE manifest ADD COLUMN untagged_since INTEGER NOT NULL DEFAULT 0;  -- 0: it has a tag
UPDATE manifest SET untagged_since = 1000 * CAST(strftime('%s', 'now') AS INTEGER) WHERE NOT EXISTS
  (SELECT 1 FROM tag WHERE tag.repository_id = manifest.repository_id AND tag.content_id = manifest.content_id);

CREATE TABLE pull (              -- when a client last got a manifest
  repository_id INTEGER NOT NULL REFERENCES repository,
  content_id INTEGER NOT NULL REFERENCES content,
  at INTEGER NOT NULL,
  PRIMARY KEY (repository_id, content_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE pin (               -- names its repository by text: it need not be here
  host TEXT NOT NULL,
  name TEXT NOT NULL,
  reference TEXT NOT NULL,       -- a tag or a digest
  at INTEGER NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (host, name, reference)
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 8;
)"};

/// Which tags have ever pointed at a digest, in one repository or in any; the key of the history begins with the tag.
constexpr Sql kHistoryOfContent{"add to the schema which tags have left a digest", R"(
CREATE INDEX tag_history_by_content ON tag_history (content_id, repository_id);

PRAGMA user_version = 9;
)"};

/// The step at index n leads from version n to n + 1 and ends by saying so in user_version.
constexpr std::array kSteps{&kVersion1,   &kVersion2,      &kTours, &kConfirmed,       &kFaults,
                            &kCollection, &kTagsOfContent, &kUsage, &kHistoryOfContent};
static_assert(kSteps.size() == static_cast<std::size_t>(kSchemaVersion));

constexpr Sql kApplication{"read the application id", "PRAGMA application_id"};
constexpr Sql kVersion{"read the schema version", "PRAGMA user_version"};
constexpr Sql kCountTables{"count the tables", "SELECT count(*) FROM sqlite_schema"};
constexpr Sql kBegin{"begin a change of the schema", "BEGIN IMMEDIATE"};
constexpr Sql kCommit{"commit a change of the schema", "COMMIT"};
constexpr Sql kRollback{"undo a change of the schema", "ROLLBACK"};

Result<int64_t> ask(SqliteConnection& connection, const Sql& sql) {
  SqliteQuery query(connection, sql);
  LB_TRY(const bool has_row, query.next());
  return has_row ? query.integer(0) : 0;
}

}  // namespace

Result<int64_t> check_schema(SqliteConnection& connection) {
  LB_TRY(const int64_t application, ask(connection, kApplication));
  LB_TRY(const int64_t version, ask(connection, kVersion));
  LB_TRY(const int64_t tables, ask(connection, kCountTables));
  if (application == 0 && version == 0 && tables == 0) return 0;
  if (application != kApplicationId) {
    return fail(ErrorCode::conflict,
                "cannot open database '" + connection.path() + "': it belongs to another program (got application id " +
                    std::to_string(application) + ", want " + std::to_string(kApplicationId) + ")");
  }
  if (version > kSchemaVersion) {
    return fail(ErrorCode::unsupported, "cannot open database '" + connection.path() +
                                            "': a newer version of this program wrote it (got schema version " +
                                            std::to_string(version) + ", want at most " +
                                            std::to_string(kSchemaVersion) + ")");
  }
  if (version < 1) {
    return fail(ErrorCode::corrupt, "cannot open database '" + connection.path() + "': got schema version " +
                                        std::to_string(version) + " in a database that has tables");
  }
  return version;
}

namespace {

Status take_steps(SqliteConnection& connection) {
  // Again, now that nobody else can write: two processes may have found the same empty file.
  LB_TRY(const int64_t version, check_schema(connection));
  for (auto step = static_cast<std::size_t>(version); step < kSteps.size(); ++step) {
    LB_CHECK(connection.execute(*kSteps[step]));
  }
  return connection.execute(kCommit);
}

}  // namespace

Status bring_up_schema(SqliteConnection& connection) {
  LB_TRY(const int64_t version, check_schema(connection));
  if (version == kSchemaVersion) return {};
  LB_CHECK(connection.execute(kBegin));
  Status done = take_steps(connection);
  if (!done && connection.is_in_transaction()) (void)connection.execute(kRollback);
  return done;
}

}  // namespace lifeboat::meta
