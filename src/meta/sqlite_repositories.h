#pragma once

#include <optional>

#include "meta/sqlite_reader.h"
#include "meta/store.h"

namespace lifeboat::meta {

/// The number of a repository in the database, nothing when it is not known.
Result<std::optional<int64_t>> find_repository(SqliteConnection& connection, const oci::RepositoryId& repository);
/// The same; not_found when it is not known.
Result<int64_t> known_repository(SqliteConnection& connection, const oci::RepositoryId& repository);
/// The number of a repository that is about to get content: made when new, and listed from now on.
Result<int64_t> filled_repository(SqliteConnection& connection, const oci::RepositoryId& repository);
/// Content has left the repository: it is no longer listed when that was the last of it.
Status note_removal(SqliteConnection& connection, int64_t repository);

/// RepositoryIndex in SQLite.
class SqliteRepositories final : public RepositoryIndex {
 public:
  explicit SqliteRepositories(SqliteReader& reader) : reader_(reader) {}
  Task<bool> contains(Call call, oci::RepositoryId repository) override;
  Task<RepositoryPage> list(Call call, std::string last, std::size_t limit) override;

 private:
  SqliteReader& reader_;
};

}  // namespace lifeboat::meta
