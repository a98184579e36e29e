#include "meta/sqlite_tags.h"

#include "meta/refusal.h"
#include "meta/sqlite_manifests.h"
#include "meta/sqlite_page.h"
#include "meta/sqlite_repositories.h"
#include "meta/sqlite_usage.h"

namespace lifeboat::meta {
namespace {

constexpr Sql kFind{"find a tag",
                    "SELECT digest, updated, checked, gone, confirmed FROM tag JOIN content ON content.id = content_id "
                    "WHERE repository_id = ? AND name = ?"};
constexpr Sql kPlace{"find where a tag is", "SELECT content_id FROM tag WHERE repository_id = ? AND name = ?"};
constexpr Sql kList{"list tags", "SELECT name FROM tag WHERE repository_id = ? AND name > ? ORDER BY name"};
constexpr Sql kPut{"put a tag",
                   "INSERT INTO tag (repository_id, name, content_id, updated, checked, gone, confirmed) "
                   "VALUES (?1, ?2, ?3, ?4, ?4, 0, ?4) "
                   "ON CONFLICT DO UPDATE SET content_id = ?3, updated = ?4, checked = ?4, gone = 0, confirmed = ?4"};
constexpr Sql kRemember{"put a row of a tag's history",
                        "INSERT INTO tag_history (repository_id, name, number, content_id, at, source) "
                        "SELECT ?1, ?2, coalesce(max(number), 0) + 1, ?3, ?4, ?5 FROM tag_history "
                        "WHERE repository_id = ?1 AND name = ?2"};
constexpr Sql kCheck{"note a check of a tag",
                     "UPDATE tag SET checked = ?1, gone = ?2, confirmed = CASE WHEN ?2 THEN confirmed ELSE ?1 END "
                     "WHERE repository_id = ?3 AND name = ?4"};
constexpr Sql kHistory{"find the history of a tag",
                       "SELECT digest, at, number, source FROM tag_history JOIN content ON content.id = content_id "
                       "WHERE repository_id = ? AND name = ? ORDER BY number DESC LIMIT ?"};
// The tags themselves besides: a row of the history may be lost, and nobody looks for what is not listed.
constexpr Sql kRemembered{"list what tags there ever were",
                          "SELECT name FROM tag_history WHERE repository_id = ?1 AND name > ?2 UNION "
                          "SELECT name FROM tag WHERE repository_id = ?1 AND name > ?2 ORDER BY name"};
constexpr Sql kRemove{"remove a tag", "DELETE FROM tag WHERE repository_id = ? AND name = ?"};
constexpr Sql kRemoveAt{"remove the tags of a manifest", "DELETE FROM tag WHERE repository_id = ? AND content_id = ?"};

Result<std::optional<int64_t>> place_of(SqliteConnection& connection, int64_t repository, const oci::Tag& tag) {
  SqliteQuery query(connection, kPlace, repository, tag.to_string());
  LB_TRY(const bool has_row, query.next());
  if (!has_row) return std::nullopt;
  return query.integer(0);
}

Result<TagRecord> find_tag_of(SqliteConnection& connection, const oci::RepositoryId& repository, const oci::Tag& tag) {
  LB_TRY(const auto id, find_repository(connection, repository));
  if (!id) return refusal::no_tag(repository, tag);
  LB_TRY(auto found, find_tag(connection, *id, tag));
  if (!found) return refusal::no_tag(repository, tag);
  return std::move(*found);
}

Result<TagPage> list_tags(SqliteConnection& connection, const oci::RepositoryId& repository, std::string_view last,
                          std::size_t limit) {
  LB_TRY(const int64_t id, known_repository(connection, repository));
  TagPage page;
  if (limit == 0) return page;
  SqliteQuery query(connection, kList, id, last);
  LB_TRY(page.has_more, read_page(query, limit, page.tags));
  return page;
}

Status note_check(SqliteConnection& connection, int64_t repository, const oci::Tag& tag, WallTime checked,
                  bool is_gone) {
  return SqliteQuery(connection, kCheck, checked, is_gone, repository, tag.to_string()).run();
}

Result<std::vector<TagPast>> find_history(SqliteConnection& connection, const oci::RepositoryId& repository,
                                          const oci::Tag& tag, std::size_t limit) {
  std::vector<TagPast> past;
  LB_TRY(const auto id, find_repository(connection, repository));
  if (!id) return past;
  SqliteQuery query(connection, kHistory, *id, tag.to_string(), limit);
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return past;
    LB_TRY(const oci::Digest digest, query.digest(0));
    past.push_back({.digest = digest,
                    .since = query.time(1),
                    .number = static_cast<uint64_t>(query.integer(2)),
                    .source = query.text(3)});
  }
}

Result<TagPage> list_remembered(SqliteConnection& connection, const oci::RepositoryId& repository,
                                std::string_view last, std::size_t limit) {
  TagPage page;
  LB_TRY(const auto id, find_repository(connection, repository));
  if (!id || limit == 0) return page;
  SqliteQuery query(connection, kRemembered, *id, last);
  LB_TRY(page.has_more, read_page(query, limit, page.tags));
  return page;
}

struct Pointing {
  oci::RepositoryId repository;
  oci::Tag tag;
  oci::Digest digest;
  std::string source;
};

Status point_tag(SqliteConnection& connection, const Pointing& to, WallTime now) {
  LB_TRY(const auto id, find_repository(connection, to.repository));
  if (!id) return refusal::no_manifest(to.repository, to.digest);
  LB_TRY(const auto manifest, find_manifest_content(connection, *id, to.digest));
  if (!manifest) return refusal::no_manifest(to.repository, to.digest);
  return move_tag(connection, *id,
                  {.tag = to.tag,
                   .content = *manifest,
                   .at = now,
                   .source = to.source,
                   .is_of_upstream = !to.repository.is_hosted()});
}

}  // namespace

Result<std::optional<TagRecord>> find_tag(SqliteConnection& connection, int64_t repository, const oci::Tag& tag) {
  SqliteQuery query(connection, kFind, repository, tag.to_string());
  LB_TRY(const bool has_row, query.next());
  if (!has_row) return std::nullopt;
  LB_TRY(const oci::Digest digest, query.digest(0));
  return TagRecord{.tag = tag,
                   .digest = digest,
                   .updated = query.time(1),
                   .checked = query.time(2),
                   .confirmed = query.time(4),
                   .is_gone_upstream = query.boolean(3)};
}

Status remove_tag(SqliteConnection& connection, const oci::RepositoryId& repository, const oci::Tag& tag,
                  WallTime now) {
  LB_TRY(const auto id, find_repository(connection, repository));
  if (!id) return refusal::no_tag(repository, tag);
  LB_TRY(const auto place, place_of(connection, *id, tag));
  if (!place) return refusal::no_tag(repository, tag);
  LB_CHECK(SqliteQuery(connection, kRemove, *id, tag.to_string()).run());
  return note_tagging(connection, *id, *place, now);
}

Status move_tag(SqliteConnection& connection, int64_t repository, const TagMove& move) {
  LB_TRY(const auto place, place_of(connection, repository, move.tag));
  if (place == move.content) {
    if (!move.is_of_upstream) return {};
    return note_check(connection, repository, move.tag, move.at, false);
  }
  const std::string& name = move.tag.to_string();
  LB_CHECK(SqliteQuery(connection, kPut, repository, name, move.content, move.at).run());
  LB_CHECK(SqliteQuery(connection, kRemember, repository, name, move.content, move.at, move.source).run());
  if (place) LB_CHECK(note_tagging(connection, repository, *place, move.at));
  return note_tagging(connection, repository, move.content, move.at);
}

Status remove_tags_at(SqliteConnection& connection, int64_t repository, int64_t content) {
  return SqliteQuery(connection, kRemoveAt, repository, content).run();
}

Task<TagRecord> SqliteTags::find(Call call, oci::RepositoryId repository, oci::Tag tag) {
  co_await writer_.settle();
  std::function<Result<TagRecord>(SqliteConnection&)> work = [&repository, &tag](SqliteConnection& connection) {
    return find_tag_of(connection, repository, tag);
  };
  co_return co_await reader_.read<TagRecord>(std::move(call), std::move(work));
}

Task<TagPage> SqliteTags::list(Call call, oci::RepositoryId repository, std::string last, std::size_t limit) {
  return reader_.read<TagPage>(
      std::move(call), [repository = std::move(repository), last = std::move(last), limit](
                           SqliteConnection& connection) { return list_tags(connection, repository, last, limit); });
}

Task<void> SqliteTags::point(Call call, oci::RepositoryId repository, oci::Tag tag, oci::Digest digest,
                             std::string source) {
  Pointing to{std::move(repository), std::move(tag), digest, std::move(source)};
  return writer_.write<void>(std::move(call), [to = std::move(to), &clock = clock_](SqliteConnection& connection) {
    return point_tag(connection, to, clock.wall());
  });
}

Task<void> SqliteTags::remove(Call call, oci::RepositoryId repository, oci::Tag tag) {
  return writer_.write<void>(std::move(call), [repository = std::move(repository), tag = std::move(tag),
                                               &clock = clock_](SqliteConnection& connection) {
    return remove_tag(connection, repository, tag, clock.wall());
  });
}

void SqliteTags::note_checked(oci::RepositoryId repository, oci::Tag tag, WallTime checked, bool is_gone_upstream) {
  writer_.write_soon("note a check of a tag",
                     [repository = std::move(repository), tag = std::move(tag), checked,
                      is_gone_upstream](SqliteConnection& connection) -> Status {
                       LB_TRY(const auto id, find_repository(connection, repository));
                       if (!id) return {};
                       return note_check(connection, *id, tag, checked, is_gone_upstream);
                     });
}

Task<std::vector<TagPast>> SqliteTags::history(Call call, oci::RepositoryId repository, oci::Tag tag,
                                               std::size_t limit) {
  return reader_.read<std::vector<TagPast>>(
      std::move(call), [repository = std::move(repository), tag = std::move(tag), limit](SqliteConnection& connection) {
        return find_history(connection, repository, tag, limit);
      });
}

Task<TagPage> SqliteTags::remembered(Call call, oci::RepositoryId repository, std::string last, std::size_t limit) {
  return reader_.read<TagPage>(std::move(call), [repository = std::move(repository), last = std::move(last),
                                                 limit](SqliteConnection& connection) {
    return list_remembered(connection, repository, last, limit);
  });
}

}  // namespace lifeboat::meta
