#include "meta/sqlite_snapshot.h"

#include <filesystem>
#include <utility>

#include "meta/sqlite_connection.h"
#include "meta/sqlite_schema.h"

namespace lifeboat::meta {
namespace {

constexpr Sql kBegin{"begin to read", "BEGIN"};
constexpr Sql kEnd{"end reading", "COMMIT"};
constexpr Sql kRepositories{"list repositories", "SELECT id, host, name, path FROM repository ORDER BY path"};
constexpr Sql kTags{
    "list tags",
    "SELECT name, digest FROM tag JOIN content ON content.id = content_id WHERE repository_id = ? ORDER BY name"};
constexpr Sql kManifests{"list manifests",
                         "SELECT digest FROM manifest JOIN content ON content.id = content_id WHERE repository_id = ?"};
constexpr Sql kBlobs{"list blobs",
                     "SELECT digest FROM repository_blob JOIN content ON content.id = content_id "
                     "WHERE repository_id = ?1 AND blob_size IS NOT NULL "
                     "UNION ALL "
                     "SELECT digest FROM manifest JOIN edge ON edge.parent_id = manifest.content_id "
                     "JOIN content ON content.id = edge.child_id "
                     "WHERE manifest.repository_id = ?1 AND edge.kind <> 2 AND blob_size IS NOT NULL"};
constexpr Sql kContents{"list content",
                        "SELECT digest FROM content WHERE blob_size IS NOT NULL "
                        "UNION ALL SELECT digest FROM content WHERE blob_size IS NULL AND "
                        "EXISTS (SELECT 1 FROM manifest WHERE content_id = content.id)"};
constexpr Sql kDanglingEdges{"look for edges that lead nowhere",
                             "SELECT parent.digest FROM edge LEFT JOIN content AS parent ON parent.id = edge.parent_id "
                             "LEFT JOIN content AS child ON child.id = edge.child_id "
                             "WHERE parent.id IS NULL OR child.id IS NULL"};

Status each_digest(SqliteQuery& query, const SqliteSnapshot::TakeDigest& take) {
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return {};
    LB_TRY(const oci::Digest digest, query.digest(0));
    take(digest);
  }
}

/// A clean end leaves no log, or an empty one.
bool has_log(const std::string& path) {
  std::error_code ignored;
  const auto size = std::filesystem::file_size(path + "-wal", ignored);
  return !ignored && size > 0;
}

}  // namespace

SqliteSnapshot::SqliteSnapshot(std::unique_ptr<SqliteConnection> connection) : connection_(std::move(connection)) {}
SqliteSnapshot::~SqliteSnapshot() = default;

Result<std::unique_ptr<SqliteSnapshot>> SqliteSnapshot::open(const std::string& path, Company company) {
  // A log may be empty and yet be written to in a moment.
  const bool is_settled = company == Company::alone && !has_log(path);
  LB_TRY(auto connection, SqliteConnection::open_to_read(path, is_settled));
  LB_TRY(const int64_t version, check_schema(*connection));
  if (version == 0) {
    return fail(ErrorCode::corrupt, "cannot read database '" + path + "': it is empty");
  }
  if (company == Company::alone) LB_CHECK(connection->execute(kBegin));
  return std::unique_ptr<SqliteSnapshot>(new SqliteSnapshot(std::move(connection)));
}

Status SqliteSnapshot::begin() { return connection_->execute(kBegin); }
Status SqliteSnapshot::end() { return connection_->execute(kEnd); }

Result<std::vector<SqliteSnapshot::RepositoryRow>> SqliteSnapshot::repositories() {
  SqliteQuery query(*connection_, kRepositories);
  std::vector<RepositoryRow> rows;
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return rows;
    LB_TRY(oci::Repository name, oci::Repository::parse(query.text(2)));
    std::optional<oci::RegistryHost> host;
    if (const std::string text = query.text(1); !text.empty()) {
      LB_TRY(host, oci::RegistryHost::parse(text));
    }
    rows.push_back({.number = query.integer(0), .id = {std::move(host), std::move(name)}, .path = query.text(3)});
  }
}

Status SqliteSnapshot::tags(int64_t repository, const TakeTag& take) {
  SqliteQuery query(*connection_, kTags, repository);
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return {};
    LB_TRY(const oci::Digest digest, query.digest(1));
    take(query.text(0), digest);
  }
}

Status SqliteSnapshot::manifests(int64_t repository, const TakeDigest& take) {
  SqliteQuery query(*connection_, kManifests, repository);
  return each_digest(query, take);
}

Status SqliteSnapshot::blobs(int64_t repository, const TakeDigest& take) {
  SqliteQuery query(*connection_, kBlobs, repository);
  return each_digest(query, take);
}

Status SqliteSnapshot::contents(const TakeDigest& take) {
  SqliteQuery query(*connection_, kContents);
  return each_digest(query, take);
}

Result<uint64_t> SqliteSnapshot::dangling_edges(const TakeDigest& take_parent) {
  SqliteQuery query(*connection_, kDanglingEdges);
  for (uint64_t count = 0;; ++count) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return count;
    if (query.is_null(0)) continue;
    LB_TRY(const oci::Digest parent, query.digest(0));
    take_parent(parent);
  }
}

}  // namespace lifeboat::meta
