#include "meta/sqlite_reclaim.h"

#include <charconv>

#include "meta/sqlite_content.h"
#include "meta/sqlite_manifests.h"
#include "meta/sqlite_repositories.h"

/// Whether something is reclaimable is asked in the statement that takes it, in the writer's transaction: what was seen
/// before by a reader is a hint and nothing more. Edges stand only as long as a manifest of their parent does.
///
/// A row may be lost. So a digest is needed by whatever still speaks for it: its own row, a link, a tag, an edge of a
/// manifest that some repository has, or a fault. And a link stays as well while its manifest is lost and missed: a tag
/// or an index of the repository names the manifest, or a fault stands for it.

namespace lifeboat::meta {
namespace {

constexpr Sql kLinks{
    "look at links",
    "SELECT link.repository_id, link.content_id, touched, touched <= ?3 AND NOT EXISTS "
    "(SELECT 1 FROM edge WHERE child_id = link.content_id AND kind < 2 AND ("
    "EXISTS (SELECT 1 FROM manifest WHERE repository_id = link.repository_id AND content_id = edge.parent_id) OR "
    "EXISTS (SELECT 1 FROM fault WHERE content_id = edge.parent_id) OR "
    "EXISTS (SELECT 1 FROM tag WHERE repository_id = link.repository_id AND content_id = edge.parent_id) OR "
    "EXISTS (SELECT 1 FROM edge AS upper CROSS JOIN manifest ON repository_id = link.repository_id AND "
    "content_id = upper.parent_id WHERE upper.child_id = edge.parent_id))) "
    "FROM repository_blob AS link WHERE (link.repository_id, link.content_id) > (?1, ?2) "
    "ORDER BY link.repository_id, link.content_id LIMIT ?4"};
constexpr Sql kLink{"look at a link",
                    "SELECT host, name, digest, blob_size, "
                    "(SELECT count(*) FROM repository_blob WHERE content_id = ?2), "
                    "EXISTS (SELECT 1 FROM edge WHERE child_id = ?2 AND kind < 2) "
                    "FROM content CROSS JOIN repository ON repository.id = ?1 WHERE content.id = ?2"};
constexpr Sql kBlobs{"look at blobs",
                     "SELECT id, digest, blob_size, blob_size IS NOT NULL AND NOT EXISTS "
                     "(SELECT 1 FROM repository_blob WHERE content_id = id) AND NOT EXISTS "
                     "(SELECT 1 FROM edge WHERE child_id = id AND kind < 2) "
                     "FROM content WHERE id > ? ORDER BY id LIMIT ?"};
constexpr Sql kTakeLink{"take a link nobody needs",
                        "DELETE FROM repository_blob WHERE repository_id = ?1 AND content_id = ?2 AND touched <= ?3 "
                        "AND NOT EXISTS (SELECT 1 FROM edge WHERE child_id = ?2 AND kind < 2 AND ("
                        "EXISTS (SELECT 1 FROM manifest WHERE repository_id = ?1 AND content_id = edge.parent_id) OR "
                        "EXISTS (SELECT 1 FROM fault WHERE content_id = edge.parent_id) OR "
                        "EXISTS (SELECT 1 FROM tag WHERE repository_id = ?1 AND content_id = edge.parent_id) OR "
                        "EXISTS (SELECT 1 FROM edge AS upper CROSS JOIN manifest ON repository_id = ?1 AND "
                        "content_id = upper.parent_id WHERE upper.child_id = edge.parent_id)))"};
constexpr Sql kUnneededBlob{"find whether nothing needs a blob",
                            "SELECT blob_size FROM content WHERE id = ?1 AND blob_size IS NOT NULL "
                            "AND NOT EXISTS (SELECT 1 FROM repository_blob WHERE content_id = ?1) "
                            "AND NOT EXISTS (SELECT 1 FROM edge WHERE child_id = ?1 AND kind < 2)"};
constexpr Sql kTakeBlob{"take a blob nobody needs", "UPDATE content SET blob_size = NULL WHERE id = ?1"};
// The later note stands: the grace of what was deleted holds, whoever lets go of the same bytes besides.
constexpr Sql kCondemnBlob{"condemn a blob",
                           "INSERT INTO condemned (digest, size, since) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET "
                           "size = excluded.size, since = excluded.since WHERE excluded.since >= condemned.since"};
// What is deleted from a hosted repository is noted even while another one has it: when that lets go of it, by eviction
// without any grace, the time of the delete would be known no more.
constexpr Sql kCondemnManifest{"condemn a manifest",
                               "INSERT INTO condemned (digest, size, since) SELECT digest, size, ?3 "
                               "FROM manifest JOIN content ON content.id = content_id JOIN repository ON "
                               "repository.id = repository_id WHERE repository_id = ?1 AND content_id = ?2 "
                               "AND (host = '' OR (blob_size IS NULL AND NOT EXISTS (SELECT 1 FROM manifest AS "
                               "other WHERE other.content_id = ?2 AND other.repository_id <> ?1) AND NOT EXISTS "
                               "(SELECT 1 FROM repository_blob WHERE content_id = ?2) AND NOT EXISTS (SELECT 1 FROM "
                               "edge CROSS JOIN manifest AS upper ON upper.content_id = parent_id WHERE child_id = ?2) "
                               "AND NOT EXISTS (SELECT 1 FROM fault WHERE content_id = ?2))) ON CONFLICT DO UPDATE SET "
                               "size = excluded.size, since = excluded.since WHERE excluded.since >= condemned.since"};
constexpr Sql kCondemned{"find what is condemned",
                         "SELECT digest, size, since FROM condemned WHERE since <= ? ORDER BY since, digest LIMIT ?"};
constexpr Sql kAcquit{"acquit a digest", "DELETE FROM condemned WHERE digest = ?"};
constexpr Sql kIsNeeded{"find whether a digest is needed",
                        "SELECT blob_size IS NOT NULL OR EXISTS (SELECT 1 FROM manifest WHERE content_id = id) "
                        "OR EXISTS (SELECT 1 FROM repository_blob WHERE content_id = id) "
                        "OR EXISTS (SELECT 1 FROM edge CROSS JOIN manifest ON content_id = parent_id "
                        "WHERE child_id = id) OR EXISTS (SELECT 1 FROM tag WHERE content_id = id) "
                        "OR EXISTS (SELECT 1 FROM fault WHERE content_id = id) FROM content WHERE digest = ?"};
constexpr Sql kTags{"look at tags",
                    "SELECT repository_id, tag.name, content_id FROM tag CROSS JOIN repository ON "
                    "repository.id = repository_id AND host = '' WHERE (repository_id, tag.name) > (?, ?) "
                    "ORDER BY repository_id, tag.name LIMIT ?"};
constexpr Sql kNeededBy{"find what a manifest needs",
                        "WITH RECURSIVE needed (id) AS (VALUES (?) UNION "
                        "SELECT child_id FROM needed CROSS JOIN edge ON parent_id = needed.id) "
                        "SELECT digest FROM needed CROSS JOIN content ON content.id = needed.id WHERE "
                        "blob_size IS NOT NULL OR EXISTS (SELECT 1 FROM manifest WHERE content_id = content.id)"};
constexpr Sql kQuickCheck{"check the database", "PRAGMA quick_check(5)"};
constexpr Sql kUnrecordedContent{
    "check the edges of manifests",
    "SELECT path, edge.child_id, kind, child.digest FROM repository CROSS JOIN manifest ON "
    "manifest.repository_id = repository.id CROSS JOIN edge ON parent_id = manifest.content_id "
    "LEFT JOIN content AS child ON child.id = child_id WHERE host = '' AND (child.id IS NULL OR CASE kind "
    "WHEN 2 THEN NOT EXISTS (SELECT 1 FROM manifest AS other WHERE other.repository_id = repository.id AND "
    "other.content_id = child_id) ELSE blob_size IS NULL AND EXISTS (SELECT 1 FROM repository_blob AS link WHERE "
    "link.repository_id = repository.id AND link.content_id = child_id) END AND NOT EXISTS "
    "(SELECT 1 FROM fault WHERE content_id = child_id)) LIMIT ?"};
constexpr Sql kDanglingTags{"check the tags",
                            "SELECT repository.path, tag.name FROM tag JOIN repository ON repository.id = "
                            "tag.repository_id LEFT JOIN manifest ON manifest.repository_id = tag.repository_id AND "
                            "manifest.content_id = tag.content_id WHERE manifest.content_id IS NULL AND NOT EXISTS "
                            "(SELECT 1 FROM fault WHERE content_id = tag.content_id) LIMIT ?"};

Result<oci::RepositoryId> repository_of(const SqliteQuery& row) {
  std::optional<oci::RegistryHost> host;
  if (const std::string text = row.text(0); !text.empty()) {
    LB_TRY(host, oci::RegistryHost::parse(text));
  }
  LB_TRY(oci::Repository name, oci::Repository::parse(row.text(1)));
  return oci::RepositoryId{std::move(host), std::move(name)};
}

Result<Reclaimable> link_at(SqliteConnection& connection, const ReclaimPosition& at, WallTime touched) {
  SqliteQuery query(connection, kLink, at.repository, at.content);
  LB_TRY(const bool has_row, query.next());
  if (!has_row) return fail(ErrorCode::corrupt, "cannot look at a link: its repository or its content has no row");
  LB_TRY(oci::RepositoryId repository, repository_of(query));
  LB_TRY(const oci::Digest digest, query.digest(2));
  return Reclaimable{.repository = std::move(repository),
                     .digest = digest,
                     .size_bytes = static_cast<uint64_t>(query.integer(3)),
                     .touched = touched,
                     .links = static_cast<uint64_t>(query.integer(4)),
                     .is_named = query.boolean(5)};
}

Result<ReclaimPage> look_at_links(SqliteConnection& connection, ReclaimPosition at, WallTime before,
                                  std::size_t rows_max) {
  ReclaimPage page;
  SqliteQuery query(connection, kLinks, at.repository, at.content, before, rows_max);
  std::size_t rows = 0;
  for (;; ++rows) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) break;
    at.repository = query.integer(0);
    at.content = query.integer(1);
    if (!query.boolean(3)) continue;
    LB_TRY(Reclaimable link, link_at(connection, at, query.time(2)));
    page.found.push_back(std::move(link));
  }
  page.next = rows < rows_max ? ReclaimPosition{.is_at_blobs = true} : at;
  return page;
}

Result<ReclaimPage> look_at_blobs(SqliteConnection& connection, ReclaimPosition at, std::size_t rows_max) {
  ReclaimPage page;
  SqliteQuery query(connection, kBlobs, at.content, rows_max);
  std::size_t rows = 0;
  for (;; ++rows) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) break;
    at.content = query.integer(0);
    if (!query.boolean(3)) continue;
    LB_TRY(const oci::Digest digest, query.digest(1));
    page.found.push_back({.digest = digest, .size_bytes = static_cast<uint64_t>(query.integer(2))});
  }
  if (rows == rows_max) page.next = at;
  return page;
}

Result<bool> is_needed(SqliteConnection& connection, const oci::Digest& digest) {
  SqliteQuery query(connection, kIsNeeded, digest);
  LB_TRY(const bool has_row, query.next());
  return has_row && query.boolean(0);
}

/// The blob's row goes when nothing needs it; true when it did.
Result<bool> take_blob(SqliteConnection& connection, int64_t content, const oci::Digest& digest, WallTime since) {
  int64_t size_bytes = 0;
  {
    SqliteQuery query(connection, kUnneededBlob, content);
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return false;
    size_bytes = query.integer(0);
  }
  LB_CHECK(SqliteQuery(connection, kTakeBlob, content).run());
  LB_TRY(const bool is_manifest, is_needed(connection, digest));
  if (!is_manifest) LB_CHECK(SqliteQuery(connection, kCondemnBlob, digest, size_bytes, since).run());
  return true;
}

/// True when it went.
Result<bool> take(SqliteConnection& connection, const Reclaimable& one, WallTime before) {
  LB_TRY(const auto content, find_content(connection, one.digest));
  if (!content) return false;
  if (!one.repository) return take_blob(connection, *content, one.digest, before);
  LB_TRY(const auto repository, find_repository(connection, *one.repository));
  if (!repository) return false;
  LB_CHECK(SqliteQuery(connection, kTakeLink, *repository, *content, before).run());
  if (connection.changed_rows() == 0) return false;
  LB_CHECK(note_removal(connection, *repository));
  LB_CHECK(take_blob(connection, *content, one.digest, before));
  return true;
}

Result<std::vector<Reclaimable>> take_all(SqliteConnection& connection, const std::vector<Reclaimable>& found,
                                          WallTime before) {
  std::vector<Reclaimable> went;
  for (const Reclaimable& one : found) {
    LB_TRY(const bool has_gone, take(connection, one, before));
    if (has_gone) went.push_back(one);
  }
  return went;
}

Result<std::vector<Condemned>> find_condemned(SqliteConnection& connection, WallTime before, std::size_t limit) {
  std::vector<Condemned> found;
  SqliteQuery query(connection, kCondemned, before, limit);
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return found;
    LB_TRY(const oci::Digest digest, query.digest(0));
    found.push_back({digest, static_cast<uint64_t>(query.integer(1)), query.time(2)});
  }
}

/// "<repository's number>/<tag>", as find_needed_by_tags() made it.
Result<std::pair<int64_t, std::string>> place_of(const std::string& position) {
  if (position.empty()) return std::pair<int64_t, std::string>();
  int64_t repository = 0;
  const auto [end, error] = std::from_chars(position.data(), position.data() + position.size(), repository);
  if (error != std::errc() || *end != '/') {
    return fail(ErrorCode::invalid, "cannot go on with the tags at '" + position + "': no such position");
  }
  return std::pair(repository, std::string(end + 1));
}

Result<ReclaimIndex::RootPage> find_needed_by_tags(SqliteConnection& connection, const std::string& position,
                                                   std::size_t tags_max) {
  ReclaimIndex::RootPage page;
  LB_TRY(const auto from, place_of(position));
  SqliteQuery tags(connection, kTags, from.first, from.second, tags_max);
  std::size_t rows = 0;
  std::string last;
  for (;; ++rows) {
    LB_TRY(const bool has_row, tags.next());
    if (!has_row) break;
    last = std::to_string(tags.integer(0)) + "/" + tags.text(1);
    SqliteQuery needed(connection, kNeededBy, tags.integer(2));
    for (;;) {
      LB_TRY(const bool has_more, needed.next());
      if (!has_more) break;
      LB_TRY(const oci::Digest digest, needed.digest(0));
      page.digests.push_back(digest);
    }
  }
  if (rows == tags_max) page.next = last;
  return page;
}

/// What a hosted manifest names and has no row: a lost one. A blob that need not be here (a foreign layer) never had
/// a link. One for which a fault stands is being looked for.
Status find_unrecorded(SqliteConnection& connection, std::size_t limit, std::vector<std::string>& faults) {
  SqliteQuery query(connection, kUnrecordedContent, limit);
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return {};
    LB_TRY(const auto digest, query.optional_digest(3));
    const std::string which = digest ? "'" + digest->to_string() + "'" : "number " + std::to_string(query.integer(1));
    faults.push_back("a manifest of '" + query.text(0) + "' names " +
                     std::string(query.integer(2) == 2 ? "manifest " : "blob ") + which + ", which has no row");
  }
}

Result<bool> put_edges_again(SqliteConnection& connection, const oci::RepositoryId& repository,
                             const oci::Digest& manifest, const std::vector<Edge>& edges) {
  LB_TRY(const auto id, find_repository(connection, repository));
  if (!id) return false;
  LB_TRY(const auto content, find_manifest_content(connection, *id, manifest));
  if (!content) return false;
  LB_CHECK(put_edges(connection, *content, edges));
  return true;
}

Result<std::vector<std::string>> find_faults(SqliteConnection& connection, std::size_t limit) {
  std::vector<std::string> faults;
  SqliteQuery check(connection, kQuickCheck);
  for (;;) {
    LB_TRY(const bool has_row, check.next());
    if (!has_row) break;
    if (check.text(0) != "ok") faults.push_back("the database is damaged: " + check.text(0));
  }
  SqliteQuery tags(connection, kDanglingTags, limit);
  for (;;) {
    LB_TRY(const bool has_row, tags.next());
    if (!has_row || faults.size() >= limit) break;
    faults.push_back("tag '" + tags.text(0) + ":" + tags.text(1) + "' points at a manifest that has no row");
  }
  if (faults.size() < limit) LB_CHECK(find_unrecorded(connection, limit - faults.size(), faults));
  return faults;
}

}  // namespace

Result<bool> condemn_manifest(SqliteConnection& connection, int64_t repository, int64_t content, WallTime now) {
  LB_CHECK(SqliteQuery(connection, kCondemnManifest, repository, content, now).run());
  return connection.changed_rows() > 0;
}

Result<bool> drop_unnamed_blob(SqliteConnection& connection, int64_t repository, const oci::Digest& digest,
                               WallTime since) {
  LB_TRY(const auto content, find_content(connection, digest));
  if (!content) return false;
  LB_CHECK(SqliteQuery(connection, kTakeLink, repository, *content, WallTime::max()).run());
  LB_TRY(const bool has_gone, take_blob(connection, *content, digest, since));
  if (!has_gone) return false;
  LB_TRY(const bool needed, is_needed(connection, digest));
  return !needed;
}

Task<ReclaimPage> SqliteReclaim::look(Call call, ReclaimPosition from, WallTime before, std::size_t rows_max) {
  return reader_.read<ReclaimPage>(std::move(call), [from, before, rows_max](SqliteConnection& connection) {
    return from.is_at_blobs ? look_at_blobs(connection, from, rows_max)
                            : look_at_links(connection, from, before, rows_max);
  });
}

Task<std::vector<Reclaimable>> SqliteReclaim::release(Call call, std::vector<Reclaimable> found, WallTime before) {
  return writer_.write<std::vector<Reclaimable>>(
      std::move(call),
      [found = std::move(found), before](SqliteConnection& connection) { return take_all(connection, found, before); });
}

Task<std::vector<Condemned>> SqliteReclaim::condemned(Call call, WallTime before, std::size_t limit) {
  co_await writer_.settle();
  std::function<Result<std::vector<Condemned>>(SqliteConnection&)> work =
      [before, limit](SqliteConnection& connection) { return find_condemned(connection, before, limit); };
  co_return co_await reader_.read<std::vector<Condemned>>(std::move(call), std::move(work));
}

void SqliteReclaim::acquit(std::vector<oci::Digest> digests) {
  writer_.write_soon("acquit digests", [digests = std::move(digests)](SqliteConnection& connection) -> Status {
    for (const oci::Digest& digest : digests) LB_CHECK(SqliteQuery(connection, kAcquit, digest).run());
    return {};
  });
}

Task<std::vector<oci::Digest>> SqliteReclaim::unneeded(Call call, std::vector<oci::Digest> digests) {
  return reader_.read<std::vector<oci::Digest>>(
      std::move(call),
      [digests = std::move(digests)](SqliteConnection& connection) -> Result<std::vector<oci::Digest>> {
        std::vector<oci::Digest> unneeded;
        for (const oci::Digest& digest : digests) {
          LB_TRY(const bool needed, is_needed(connection, digest));
          if (!needed) unneeded.push_back(digest);
        }
        return unneeded;
      });
}

Task<bool> SqliteReclaim::restore_edges(Call call, oci::RepositoryId repository, oci::Digest manifest,
                                        std::vector<Edge> edges) {
  return writer_.write<bool>(std::move(call), [repository = std::move(repository), manifest,
                                               edges = std::move(edges)](SqliteConnection& connection) {
    return put_edges_again(connection, repository, manifest, edges);
  });
}

Task<ReclaimIndex::RootPage> SqliteReclaim::needed_by_tags(Call call, std::string position, std::size_t tags_max) {
  return reader_.read<RootPage>(std::move(call),
                                [position = std::move(position), tags_max](SqliteConnection& connection) {
                                  return find_needed_by_tags(connection, position, tags_max);
                                });
}

Task<std::vector<std::string>> SqliteReclaim::faults(Call call, std::size_t limit) {
  return reader_.read<std::vector<std::string>>(
      std::move(call), [limit](SqliteConnection& connection) { return find_faults(connection, limit); });
}

}  // namespace lifeboat::meta
