#pragma once

#include <string_view>

#include "meta/sqlite_reader.h"
#include "meta/sqlite_writer.h"
#include "meta/store.h"
#include "sys/clock.h"

namespace lifeboat::meta {

/// The tag, nothing when the repository does not have it.
Result<std::optional<TagRecord>> find_tag(SqliteConnection& connection, int64_t repository, const oci::Tag& tag);

struct TagMove {
  const oci::Tag& tag;
  int64_t content;  ///< a manifest of the repository
  WallTime at;
  std::string_view source;
  bool is_of_upstream;  ///< the move is also a confirmation
};
/// Points the tag at the digest, with a row of history when it was elsewhere.
Status move_tag(SqliteConnection& connection, int64_t repository, const TagMove& move);
/// not_found.
Status remove_tag(SqliteConnection& connection, const oci::RepositoryId& repository, const oci::Tag& tag, WallTime now);
Status remove_tags_at(SqliteConnection& connection, int64_t repository, int64_t content);

/// TagIndex in SQLite.
class SqliteTags final : public TagIndex {
 public:
  SqliteTags(SqliteReader& reader, SqliteWriter& writer, const sys::Clock& clock)
      : reader_(reader), writer_(writer), clock_(clock) {}
  Task<TagRecord> find(Call call, oci::RepositoryId repository, oci::Tag tag) override;
  Task<TagPage> list(Call call, oci::RepositoryId repository, std::string last, std::size_t limit) override;
  Task<void> point(Call call, oci::RepositoryId repository, oci::Tag tag, oci::Digest digest,
                   std::string source) override;
  Task<void> remove(Call call, oci::RepositoryId repository, oci::Tag tag) override;
  void note_checked(oci::RepositoryId repository, oci::Tag tag, WallTime checked, bool is_gone_upstream) override;
  Task<std::vector<TagPast>> history(Call call, oci::RepositoryId repository, oci::Tag tag, std::size_t limit) override;
  Task<TagPage> remembered(Call call, oci::RepositoryId repository, std::string last, std::size_t limit) override;

 private:
  SqliteReader& reader_;
  SqliteWriter& writer_;
  const sys::Clock& clock_;
};

}  // namespace lifeboat::meta
