#include "meta/sqlite_repositories.h"

#include "meta/refusal.h"
#include "meta/sqlite_page.h"

namespace lifeboat::meta {
namespace {

constexpr Sql kFind{"find a repository", "SELECT id, has_content FROM repository WHERE host = ? AND name = ?"};
constexpr Sql kAdd{"add a repository", "INSERT INTO repository (host, name, path, has_content) VALUES (?, ?, ?, 1)"};
constexpr Sql kFill{"list a repository", "UPDATE repository SET has_content = 1 WHERE id = ?"};
constexpr Sql kCountContent{
    "note what a repository has",
    "UPDATE repository SET has_content = EXISTS (SELECT 1 FROM manifest WHERE repository_id = ?1) OR "
    "EXISTS (SELECT 1 FROM repository_blob WHERE repository_id = ?1) WHERE id = ?1"};
constexpr Sql kList{"list repositories",
                    "SELECT path FROM repository WHERE has_content = 1 AND path > ? ORDER BY path"};

std::string host_of(const oci::RepositoryId& repository) {
  return repository.host ? repository.host->to_string() : std::string();
}

Result<RepositoryPage> list_repositories(SqliteConnection& connection, std::string_view last, std::size_t limit) {
  RepositoryPage page;
  if (limit == 0) return page;
  SqliteQuery query(connection, kList, last);
  LB_TRY(page.has_more, read_page(query, limit, page.names));
  return page;
}

}  // namespace

Result<std::optional<int64_t>> find_repository(SqliteConnection& connection, const oci::RepositoryId& repository) {
  SqliteQuery query(connection, kFind, host_of(repository), repository.name.to_string());
  LB_TRY(const bool has_row, query.next());
  if (!has_row) return std::nullopt;
  return query.integer(0);
}

Result<int64_t> known_repository(SqliteConnection& connection, const oci::RepositoryId& repository) {
  LB_TRY(const std::optional<int64_t> id, find_repository(connection, repository));
  if (!id) return refusal::no_repository(repository);
  return *id;
}

Result<int64_t> filled_repository(SqliteConnection& connection, const oci::RepositoryId& repository) {
  const std::string host = host_of(repository);
  {
    SqliteQuery query(connection, kFind, host, repository.name.to_string());
    LB_TRY(const bool has_row, query.next());
    if (has_row) {
      const int64_t id = query.integer(0);
      if (!query.boolean(1)) LB_CHECK(SqliteQuery(connection, kFill, id).run());
      return id;
    }
  }
  LB_CHECK(SqliteQuery(connection, kAdd, host, repository.name.to_string(), repository.to_string()).run());
  return connection.last_inserted_id();
}

Status note_removal(SqliteConnection& connection, int64_t repository) {
  return SqliteQuery(connection, kCountContent, repository).run();
}

Task<bool> SqliteRepositories::contains(Call call, oci::RepositoryId repository) {
  return reader_.read<bool>(std::move(call),
                            [repository = std::move(repository)](SqliteConnection& connection) -> Result<bool> {
                              LB_TRY(const auto id, find_repository(connection, repository));
                              return id.has_value();
                            });
}

Task<RepositoryPage> SqliteRepositories::list(Call call, std::string last, std::size_t limit) {
  return reader_.read<RepositoryPage>(std::move(call), [last = std::move(last), limit](SqliteConnection& connection) {
    return list_repositories(connection, last, limit);
  });
}

}  // namespace lifeboat::meta
