#include "test/damage/database.h"

#include "base/assert.h"
#include "meta/sqlite_connection.h"

namespace lifeboat::test {
namespace {

constexpr meta::Sql kRows{"read what the database says",
                          "WITH c AS (SELECT id, 'sha256:' || lower(substr(hex(digest), 3)) AS name, blob_size FROM "
                          "content), r AS (SELECT id, host || '/' || name AS name FROM repository) "
                          "SELECT 'manifest ' || r.name || ' ' || c.name || ' ' || media_type || ' ' || size || ' ' || "
                          "artifact_type || ' ' || annotations FROM manifest JOIN r ON r.id = repository_id JOIN c ON "
                          "c.id = content_id "
                          "UNION ALL SELECT 'edge ' || p.name || ' ' || kind || ' ' || c.name || ' ' || size FROM edge "
                          "JOIN c AS p ON p.id = parent_id JOIN c ON c.id = child_id "
                          "UNION ALL SELECT 'link ' || r.name || ' ' || c.name FROM repository_blob JOIN r ON r.id = "
                          "repository_id JOIN c ON c.id = content_id "
                          "UNION ALL SELECT 'size ' || name || ' ' || blob_size FROM c WHERE blob_size IS NOT NULL "
                          "UNION ALL SELECT 'tag ' || r.name || ':' || tag.name || ' ' || c.name FROM tag JOIN r ON "
                          "r.id = repository_id JOIN c ON c.id = content_id"};

/// As sqlite_connection.cc writes digests: a byte for the algorithm, then the raw bytes.
std::string content_id(const oci::Digest& digest) {
  return "(SELECT id FROM content WHERE hex(digest) LIKE '%" + digest.hex() + "')";
}

std::string repository_id(const oci::RepositoryId& repository) {
  const std::string host = repository.host ? repository.host->to_string() : std::string();
  return "(SELECT id FROM repository WHERE host = '" + host + "' AND name = '" + repository.name.to_string() + "')";
}

}  // namespace

std::set<std::string> Database::rows() const {
  const auto connection = meta::SqliteConnection::open(file_.string()).value();
  std::set<std::string> all;
  meta::SqliteQuery query(*connection, kRows);
  for (;;) {
    const auto has_row = query.next();
    LB_ASSERT(has_row.has_value());
    if (!*has_row) return all;
    all.insert(query.text(0));
  }
}

void Database::execute(const std::string& text) const {
  const auto connection = meta::SqliteConnection::open(file_.string()).value();
  LB_ASSERT(connection->execute(meta::Sql{"leave the rules alone", "PRAGMA foreign_keys = OFF"}));
  const meta::Sql sql{"damage rows", text.c_str()};
  const Status done = connection->execute(sql);
  LB_ASSERT(done.has_value());
}

Database::Lost Database::lose_of_manifest(const oci::RepositoryId& repository, const oci::Digest& digest,
                                          const std::function<uint64_t(uint64_t)>& random) const {
  const std::string id = content_id(digest);
  switch (random(4)) {
    case 3: execute("DELETE FROM content WHERE id = " + id); return {.what = "its digest", .is_last_word = true};
    case 0: execute("DELETE FROM edge WHERE parent_id = " + id); return {"all its edges"};
    case 1: {
      const std::string nth = std::to_string(random(3));
      execute("DELETE FROM edge WHERE parent_id = " + id +
              " AND child_id = (SELECT child_id FROM edge WHERE "
              "parent_id = " +
              id + " ORDER BY child_id LIMIT 1 OFFSET min(" + nth +
              ", (SELECT count(*) - 1 FROM edge "
              "WHERE parent_id = " +
              id + ")))");
      return {"one of its edges"};
    }
    default:
      execute("DELETE FROM manifest WHERE content_id = " + id + " AND repository_id = " + repository_id(repository));
      return {"its record"};
  }
}

Database::Lost Database::lose_of_blob(const oci::RepositoryId& repository, const oci::Digest& digest,
                                      const std::function<uint64_t(uint64_t)>& random) const {
  const std::string id = content_id(digest);
  switch (random(3)) {
    case 0: execute("UPDATE content SET blob_size = NULL WHERE id = " + id); return {"its size"};
    case 1: execute("DELETE FROM content WHERE id = " + id); return {"its digest"};
    default:
      execute("DELETE FROM repository_blob WHERE content_id = " + id +
              " AND repository_id = " + repository_id(repository));
      return {.what = "its link", .is_told_twice = true};
  }
}

void Database::lose_tag(const oci::RepositoryId& repository, const std::string& tag) const {
  execute("DELETE FROM tag WHERE name = '" + tag + "' AND repository_id = " + repository_id(repository));
}

}  // namespace lifeboat::test
