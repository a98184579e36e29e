#include "meta/sqlite_content.h"

namespace lifeboat::meta {
namespace {

constexpr Sql kFind{"find a digest", "SELECT id FROM content WHERE digest = ?"};
// The last row may be lost, and SQLite would give its number to the next: a tag would lead to what was pushed after it.
// Each maximum is the end of an index.
constexpr Sql kAdd{
    "add a digest",
    "INSERT INTO content (id, digest) SELECT 1 + max(coalesce((SELECT max(id) FROM content), 0), "
    "coalesce((SELECT max(content_id) FROM manifest), 0), coalesce((SELECT max(content_id) FROM tag), 0), "
    "coalesce((SELECT max(content_id) FROM repository_blob), 0), "
    "coalesce((SELECT max(parent_id) FROM edge), 0), coalesce((SELECT max(child_id) FROM edge), 0)), ?"};

}  // namespace

Result<std::optional<int64_t>> find_content(SqliteConnection& connection, const oci::Digest& digest) {
  SqliteQuery query(connection, kFind, digest);
  LB_TRY(const bool has_row, query.next());
  if (!has_row) return std::nullopt;
  return query.integer(0);
}

Result<int64_t> content_of(SqliteConnection& connection, const oci::Digest& digest) {
  LB_TRY(const std::optional<int64_t> known, find_content(connection, digest));
  if (known) return *known;
  LB_CHECK(SqliteQuery(connection, kAdd, digest).run());
  return connection.last_inserted_id();
}

Result<std::optional<int64_t>> content_of(SqliteConnection& connection, const std::optional<oci::Digest>& digest) {
  if (!digest) return std::nullopt;
  LB_TRY(const int64_t id, content_of(connection, *digest));
  return id;
}

}  // namespace lifeboat::meta
