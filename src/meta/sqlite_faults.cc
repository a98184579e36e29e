#include "meta/sqlite_faults.h"

#include <algorithm>

#include "meta/sqlite_content.h"

namespace lifeboat::meta {
namespace {

constexpr Sql kNote{"note a fault",
                    "INSERT INTO fault (content_id, kind, detail, found, tries, due, last_error) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"};
constexpr Sql kClear{"clear a fault", "DELETE FROM fault WHERE content_id = ?"};
constexpr Sql kFind{"find a fault",
                    "SELECT digest, kind, detail, found, tries, due, last_error FROM content "
                    "JOIN fault ON content_id = content.id WHERE digest = ?"};
constexpr Sql kList{"list faults",
                    "SELECT digest, kind, detail, found, tries, due, last_error FROM fault "
                    "JOIN content ON content.id = content_id ORDER BY due, content_id LIMIT ?"};
constexpr Sql kCount{"count faults", "SELECT count(*) FROM fault"};
constexpr Sql kPostpone{"postpone a repair",
                        "UPDATE fault SET tries = ?, due = ?, last_error = ? WHERE content_id = ?"};
// In the order of the index on digests, so that a page costs a page.
constexpr Sql kKnown{"list what is known",
                     "SELECT digest, coalesce(blob_size, (SELECT size FROM manifest WHERE content_id = content.id)), "
                     "EXISTS (SELECT 1 FROM manifest WHERE content_id = content.id) FROM content "
                     "WHERE digest > coalesce(?1, x'') AND (EXISTS (SELECT 1 FROM manifest WHERE content_id = "
                     "content.id) OR blob_size IS NOT NULL AND ("
                     "EXISTS (SELECT 1 FROM repository_blob WHERE content_id = content.id) OR "
                     "EXISTS (SELECT 1 FROM edge CROSS JOIN manifest ON content_id = parent_id "
                     "WHERE child_id = content.id AND kind < 2))) AND "
                     "NOT EXISTS (SELECT 1 FROM fault WHERE content_id = content.id) ORDER BY digest LIMIT ?2"};
constexpr Sql kNamedBy{"find what a manifest names",
                       "SELECT child.digest FROM content CROSS JOIN edge ON parent_id = content.id "
                       "CROSS JOIN content AS child ON child.id = child_id WHERE content.digest = ? "
                       "ORDER BY child.digest"};
constexpr Sql kPlaces{"find who has a digest",
                      "SELECT host, name, 1 FROM manifest JOIN repository ON repository.id = repository_id "
                      "WHERE content_id = ?1 "
                      "UNION SELECT host, repository.name, 1 FROM tag JOIN repository ON repository.id = repository_id "
                      "WHERE content_id = ?1 "
                      "UNION SELECT host, name, 0 FROM repository_blob JOIN repository ON repository.id = "
                      "repository_id WHERE content_id = ?1 "
                      "UNION SELECT host, name, kind = 2 FROM edge CROSS JOIN manifest ON content_id = parent_id "
                      "JOIN repository ON repository.id = repository_id WHERE child_id = ?1 "
                      "UNION SELECT host, repository.name, 1 FROM tag_history JOIN repository ON repository.id = "
                      "repository_id WHERE content_id = ?1 AND EXISTS (SELECT 1 FROM edge WHERE parent_id = ?1) AND "
                      "NOT EXISTS (SELECT 1 FROM manifest WHERE content_id = ?1)"};
// From the content up: each manifest of a repository that it is or that leads to it, then their tags.
constexpr Sql kTagsOver{"find the tags over a digest",
                        "WITH RECURSIVE over (repository_id, content_id) AS ("
                        "SELECT repository_id, content_id FROM manifest WHERE content_id = ?1 "
                        "UNION SELECT repository_id, content_id FROM tag WHERE content_id = ?1 "
                        "UNION SELECT repository_id, content_id FROM edge CROSS JOIN manifest ON content_id = "
                        "parent_id WHERE child_id = ?1 "
                        "UNION SELECT over.repository_id, manifest.content_id FROM over "
                        "CROSS JOIN edge ON child_id = over.content_id CROSS JOIN manifest ON "
                        "manifest.repository_id = over.repository_id AND manifest.content_id = parent_id) "
                        "SELECT host, repository.name, tag.name FROM over "
                        "CROSS JOIN tag ON tag.repository_id = over.repository_id AND tag.content_id = "
                        "over.content_id JOIN repository ON repository.id = tag.repository_id "
                        "ORDER BY host, repository.name, tag.name LIMIT ?2"};
// Who removes the last record of a manifest removes its edges (kRemoveEdges): edges of what has none tell that it was
// lost, and the history of tags where it belongs.
constexpr Sql kLost{"find lost manifests",
                    "SELECT host, repository.name, digest FROM tag JOIN repository ON repository.id = repository_id "
                    "JOIN content ON content.id = content_id WHERE NOT EXISTS (SELECT 1 FROM manifest WHERE "
                    "manifest.repository_id = tag.repository_id AND manifest.content_id = tag.content_id) "
                    "UNION SELECT host, name, digest FROM edge CROSS JOIN manifest ON content_id = parent_id "
                    "JOIN repository ON repository.id = repository_id AND host = '' "
                    "JOIN content ON content.id = child_id WHERE kind = 2 AND NOT EXISTS (SELECT 1 FROM manifest AS "
                    "child WHERE child.repository_id = manifest.repository_id AND child.content_id = child_id) "
                    "UNION SELECT host, repository.name, digest FROM (SELECT DISTINCT parent_id FROM edge WHERE "
                    "NOT EXISTS (SELECT 1 FROM manifest WHERE content_id = parent_id)) "
                    "CROSS JOIN tag_history ON content_id = parent_id JOIN repository ON repository.id = repository_id "
                    "JOIN content ON content.id = content_id "
                    "LIMIT ?1"};

int number_of(FaultKind kind) {
  switch (kind) {
    case FaultKind::missing: return 0;
    case FaultKind::wrong_size: return 1;
    case FaultKind::wrong_bytes: return 2;
  }
  return 0;
}

FaultKind kind_of(int64_t number) {
  if (number == 1) return FaultKind::wrong_size;
  return number == 2 ? FaultKind::wrong_bytes : FaultKind::missing;
}

Result<oci::RepositoryId> repository_of(const SqliteQuery& row) {
  std::optional<oci::RegistryHost> host;
  if (const std::string text = row.text(0); !text.empty()) {
    LB_TRY(host, oci::RegistryHost::parse(text));
  }
  LB_TRY(oci::Repository name, oci::Repository::parse(row.text(1)));
  return oci::RepositoryId{std::move(host), std::move(name)};
}

Result<Fault> fault_of(const SqliteQuery& row) {
  LB_TRY(const oci::Digest digest, row.digest(0));
  return Fault{.digest = digest,
               .kind = kind_of(row.integer(1)),
               .detail = row.text(2),
               .found = row.time(3),
               .tries = static_cast<uint32_t>(row.integer(4)),
               .due = row.time(5),
               .last_error = row.text(6)};
}

Result<std::vector<Fault>> list_faults(SqliteConnection& connection, std::size_t limit) {
  std::vector<Fault> faults;
  SqliteQuery query(connection, kList, limit);
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return faults;
    LB_TRY(Fault fault, fault_of(query));
    faults.push_back(std::move(fault));
  }
}

Result<std::vector<KnownContent>> list_known(SqliteConnection& connection, const std::optional<oci::Digest>& last,
                                             std::size_t limit) {
  std::vector<KnownContent> known;
  SqliteQuery query(connection, kKnown, last, limit);
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return known;
    LB_TRY(const oci::Digest digest, query.digest(0));
    known.push_back(
        {.digest = digest, .size_bytes = static_cast<uint64_t>(query.integer(1)), .is_manifest = query.boolean(2)});
  }
}

Result<std::vector<oci::Digest>> find_named_by(SqliteConnection& connection, const oci::Digest& manifest) {
  std::vector<oci::Digest> named;
  SqliteQuery query(connection, kNamedBy, manifest);
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return named;
    LB_TRY(const oci::Digest digest, query.digest(0));
    named.push_back(digest);
  }
}

Result<std::vector<ContentPlace>> find_places(SqliteConnection& connection, const oci::Digest& digest) {
  std::vector<ContentPlace> places;
  LB_TRY(const auto content, find_content(connection, digest));
  if (!content) return places;
  SqliteQuery query(connection, kPlaces, *content);
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) break;
    LB_TRY(auto repository, repository_of(query));
    places.push_back({std::move(repository), query.boolean(2)});
  }
  std::ranges::sort(places);
  return places;
}

Result<std::vector<TagPlace>> find_tags_over(SqliteConnection& connection, const oci::Digest& digest,
                                             std::size_t limit) {
  std::vector<TagPlace> tags;
  LB_TRY(const auto content, find_content(connection, digest));
  if (!content) return tags;
  SqliteQuery query(connection, kTagsOver, *content, limit);
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return tags;
    LB_TRY(auto repository, repository_of(query));
    LB_TRY(oci::Tag tag, oci::Tag::parse(query.text(2)));
    tags.push_back({std::move(repository), std::move(tag)});
  }
}

Result<std::vector<LostManifest>> find_lost(SqliteConnection& connection, std::size_t limit) {
  std::vector<LostManifest> lost;
  SqliteQuery query(connection, kLost, limit);
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) break;
    LB_TRY(auto repository, repository_of(query));
    LB_TRY(const oci::Digest digest, query.digest(2));
    lost.push_back({std::move(repository), digest});
  }
  std::ranges::sort(lost);
  return lost;
}

}  // namespace

Status clear_fault(SqliteConnection& connection, int64_t content) {
  return SqliteQuery(connection, kClear, content).run();
}

Task<void> SqliteFaults::note(Call call, Fault fault) {
  return writer_.write<void>(std::move(call), [fault = std::move(fault)](SqliteConnection& connection) -> Status {
    LB_TRY(const int64_t content, content_of(connection, fault.digest));
    return SqliteQuery(connection, kNote, content, number_of(fault.kind), fault.detail, fault.found, fault.tries,
                       fault.due, fault.last_error)
        .run();
  });
}

Task<void> SqliteFaults::clear(Call call, oci::Digest digest) {
  return writer_.write<void>(std::move(call), [digest](SqliteConnection& connection) -> Status {
    LB_TRY(const auto content, find_content(connection, digest));
    return content ? clear_fault(connection, *content) : Status{};
  });
}

Task<std::optional<Fault>> SqliteFaults::find(Call call, oci::Digest digest) {
  co_await writer_.settle();
  std::function<Result<std::optional<Fault>>(SqliteConnection&)> work =
      [&digest](SqliteConnection& connection) -> Result<std::optional<Fault>> {
    SqliteQuery query(connection, kFind, digest);
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return std::nullopt;
    return fault_of(query);
  };
  co_return co_await reader_.read<std::optional<Fault>>(std::move(call), std::move(work));
}

Task<std::vector<Fault>> SqliteFaults::list(Call call, std::size_t limit) {
  co_await writer_.settle();
  std::function<Result<std::vector<Fault>>(SqliteConnection&)> work = [limit](SqliteConnection& connection) {
    return list_faults(connection, limit);
  };
  co_return co_await reader_.read<std::vector<Fault>>(std::move(call), std::move(work));
}

Task<uint64_t> SqliteFaults::count(Call call) {
  return reader_.read<uint64_t>(std::move(call), [](SqliteConnection& connection) -> Result<uint64_t> {
    SqliteQuery query(connection, kCount);
    LB_TRY(const bool has_row, query.next());
    return has_row ? static_cast<uint64_t>(query.integer(0)) : 0;
  });
}

void SqliteFaults::postpone(Fault fault) {
  writer_.write_soon("postpone a repair", [fault = std::move(fault)](SqliteConnection& connection) -> Status {
    LB_TRY(const auto content, find_content(connection, fault.digest));
    if (!content) return {};
    return SqliteQuery(connection, kPostpone, fault.tries, fault.due, fault.last_error, *content).run();
  });
}

Task<std::vector<KnownContent>> SqliteFaults::known(Call call, std::optional<oci::Digest> last, std::size_t limit) {
  return reader_.read<std::vector<KnownContent>>(
      std::move(call), [last, limit](SqliteConnection& connection) { return list_known(connection, last, limit); });
}

Task<std::vector<oci::Digest>> SqliteFaults::named_by(Call call, oci::Digest manifest) {
  return reader_.read<std::vector<oci::Digest>>(
      std::move(call), [manifest](SqliteConnection& connection) { return find_named_by(connection, manifest); });
}

Task<std::vector<ContentPlace>> SqliteFaults::places(Call call, oci::Digest digest) {
  return reader_.read<std::vector<ContentPlace>>(
      std::move(call), [digest](SqliteConnection& connection) { return find_places(connection, digest); });
}

Task<std::vector<TagPlace>> SqliteFaults::tags_over(Call call, oci::Digest digest, std::size_t limit) {
  return reader_.read<std::vector<TagPlace>>(std::move(call), [digest, limit](SqliteConnection& connection) {
    return find_tags_over(connection, digest, limit);
  });
}

Task<std::vector<LostManifest>> SqliteFaults::lost_manifests(Call call, std::size_t limit) {
  return reader_.read<std::vector<LostManifest>>(
      std::move(call), [limit](SqliteConnection& connection) { return find_lost(connection, limit); });
}

}  // namespace lifeboat::meta
