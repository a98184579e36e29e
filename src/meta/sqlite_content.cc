#include "meta/sqlite_content.h"

namespace lifeboat::meta {
namespace {

constexpr Sql kFind{"find a digest", "SELECT id FROM content WHERE digest = ?"};
constexpr Sql kAdd{"add a digest", "INSERT INTO content (digest) VALUES (?)"};

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
