#include "meta/sqlite_manifests.h"

#include "meta/refusal.h"
#include "meta/sqlite_blobs.h"
#include "meta/sqlite_captures.h"
#include "meta/sqlite_content.h"
#include "meta/sqlite_faults.h"
#include "meta/sqlite_reclaim.h"
#include "meta/sqlite_repositories.h"
#include "meta/sqlite_tags.h"
#include "meta/sqlite_usage.h"

namespace lifeboat::meta {

// Left to itself SQLite reads all manifests of the repository instead of the few that refer to one.
constexpr Sql kReferrers{"find the referrers of a manifest",
                         "SELECT digest, media_type, size, artifact_type, annotations FROM manifest "
                         "INDEXED BY manifest_by_subject JOIN content ON content.id = content_id "
                         "WHERE subject_id = (SELECT id FROM content WHERE digest = ?2) AND repository_id = ?1 "
                         "ORDER BY digest"};

namespace {

constexpr Sql kFind{"find a manifest",
                    "SELECT media_type, size, subject.digest, artifact_type, annotations FROM content "
                    "JOIN manifest ON repository_id = ?1 AND content_id = content.id "
                    "LEFT JOIN content AS subject ON subject.id = subject_id WHERE content.digest = ?2 AND "
                    "NOT EXISTS (SELECT 1 FROM fault WHERE content_id = content.id)"};
constexpr Sql kFindContent{"find a manifest",
                           "SELECT content_id FROM content JOIN manifest ON repository_id = ?1 AND "
                           "content_id = content.id WHERE content.digest = ?2"};
constexpr Sql kFindHeld{"find a manifest",
                        "SELECT 1 FROM content JOIN manifest ON repository_id = ?1 AND content_id = content.id "
                        "WHERE content.digest = ?2 AND NOT EXISTS (SELECT 1 FROM fault WHERE content_id = "
                        "content.id)"};
// What is derived from the content may be derived better by a later version; the row is left alone when it is not.
constexpr Sql kPut{"put a manifest",
                   "INSERT INTO manifest (repository_id, content_id, media_type, size, subject_id, artifact_type, "
                   "annotations) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                   "media_type = excluded.media_type, size = excluded.size, subject_id = excluded.subject_id, "
                   "artifact_type = excluded.artifact_type, annotations = excluded.annotations WHERE "
                   "(media_type, size, subject_id, artifact_type, annotations) IS NOT (excluded.media_type, "
                   "excluded.size, excluded.subject_id, excluded.artifact_type, excluded.annotations)"};
constexpr Sql kPutEdge{"put an edge of a manifest",
                       "INSERT INTO edge (parent_id, kind, child_id, size) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"};
// Where only the manifest stood for a blob, a link does from now on. A blob that never was here gets none.
constexpr Sql kTouchBlobs{"touch the blobs of a manifest",
                          "INSERT INTO repository_blob (repository_id, content_id, touched) "
                          "SELECT ?1, content.id, ?3 FROM edge CROSS JOIN content ON content.id = child_id "
                          "WHERE parent_id = ?2 AND kind < 2 AND blob_size IS NOT NULL "
                          "ON CONFLICT DO UPDATE SET touched = ?3 WHERE touched < ?3"};
constexpr Sql kRemove{"remove a manifest", "DELETE FROM manifest WHERE repository_id = ? AND content_id = ?"};
constexpr Sql kRemoveEdges{"remove the edges of a manifest",
                           "DELETE FROM edge WHERE parent_id = ?1 AND NOT EXISTS "
                           "(SELECT 1 FROM manifest WHERE content_id = ?1)"};
// From the edges of the one child to their parents, never through all manifests of the repository.
constexpr Sql kParents{"find the parents of a manifest",
                       "SELECT parent.digest FROM content CROSS JOIN edge ON child_id = content.id AND kind = 2 "
                       "CROSS JOIN manifest ON repository_id = ?1 AND content_id = parent_id "
                       "CROSS JOIN content AS parent ON parent.id = parent_id "
                       "WHERE content.digest = ?2 ORDER BY parent.digest"};

/// As the schema numbers them.
int number_of(EdgeKind kind) {
  switch (kind) {
    case EdgeKind::config: return 0;
    case EdgeKind::layer: return 1;
    case EdgeKind::manifest: return 2;
  }
  return 1;
}

Result<ManifestRecord> find_manifest(SqliteConnection& connection, const oci::RepositoryId& repository,
                                     const oci::Digest& digest) {
  LB_TRY(const auto id, find_repository(connection, repository));
  if (!id) return refusal::no_manifest(repository, digest);
  SqliteQuery query(connection, kFind, *id, digest);
  LB_TRY(const bool has_row, query.next());
  if (!has_row) return refusal::no_manifest(repository, digest);
  LB_TRY(auto subject, query.optional_digest(2));
  return ManifestRecord{.digest = digest,
                        .media_type = query.text(0),
                        .size_bytes = static_cast<uint64_t>(query.integer(1)),
                        .subject = subject,
                        .artifact_type = query.text(3),
                        .annotations_json = query.text(4)};
}

Status check_condition(SqliteConnection& connection, const ManifestPut& put) {
  if (!put.condition) return {};
  LB_TRY(const auto repository, find_repository(connection, put.repository));
  for (const oci::Tag& tag : put.tags) {
    std::optional<oci::Digest> at;
    if (repository) {
      LB_TRY(const auto held, find_tag(connection, *repository, tag));
      if (held) at = held->digest;
    }
    if (at != put.condition->digest) {
      return refusal::tag_elsewhere(put.repository, tag, {.got = at, .want = put.condition->digest});
    }
  }
  return {};
}

/// What was found before the put may be gone: a delete or the collector came between.
Status check_required(SqliteConnection& connection, const ManifestPut& put) {
  LB_TRY(const auto repository, find_repository(connection, put.repository));
  for (const Edge& edge : put.edges) {
    if (!edge.is_required) continue;
    bool is_here = false;
    if (edge.kind != EdgeKind::manifest) {
      LB_TRY(is_here, has_blob(connection, repository, edge.to));
    } else if (repository) {
      LB_TRY(const auto child, find_manifest_content(connection, *repository, edge.to));
      is_here = child.has_value();
    }
    if (!is_here) return refusal::lacks_required(put.repository, put.manifest.digest, edge.to);
  }
  return {};
}

Status put_manifest(SqliteConnection& connection, const ManifestPut& put, WallTime now) {
  LB_CHECK(check_condition(connection, put));
  LB_CHECK(check_required(connection, put));
  LB_TRY(const int64_t id, filled_repository(connection, put.repository));
  const ManifestRecord& manifest = put.manifest;
  LB_TRY(const int64_t content, content_of(connection, manifest.digest));
  LB_TRY(const auto subject, content_of(connection, manifest.subject));
  LB_CHECK(SqliteQuery(connection, kPut, id, content, manifest.media_type, manifest.size_bytes, subject,
                       manifest.artifact_type, manifest.annotations_json)
               .run());
  LB_CHECK(clear_fault(connection, content));
  LB_CHECK(put_edges(connection, content, put.edges));
  for (const oci::Tag& tag : put.tags) {
    LB_CHECK(move_tag(connection, id,
                      {.tag = tag,
                       .content = content,
                       .at = now,
                       .source = put.source,
                       .is_of_upstream = !put.repository.is_hosted()}));
  }
  LB_CHECK(note_put(connection, id, content, now));
  if (put.capture_due) return add_capture(connection, {.repository = id, .content = content}, "", *put.capture_due);
  return {};
}

Result<std::vector<oci::Referrer>> find_referrers(SqliteConnection& connection, const oci::RepositoryId& repository,
                                                  const oci::Digest& subject) {
  std::vector<oci::Referrer> referrers;
  LB_TRY(const auto id, find_repository(connection, repository));
  if (!id) return referrers;
  SqliteQuery query(connection, kReferrers, *id, subject);
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return referrers;
    LB_TRY(const oci::Digest digest, query.digest(0));
    referrers.push_back({.digest = digest,
                         .media_type = query.text(1),
                         .size_bytes = static_cast<uint64_t>(query.integer(2)),
                         .artifact_type = query.text(3),
                         .annotations_json = query.text(4)});
  }
}

Result<std::vector<oci::Digest>> find_parents(SqliteConnection& connection, const oci::RepositoryId& repository,
                                              const oci::Digest& child) {
  std::vector<oci::Digest> parents;
  LB_TRY(const auto id, find_repository(connection, repository));
  if (!id) return parents;
  SqliteQuery query(connection, kParents, *id, child);
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return parents;
    LB_TRY(const oci::Digest parent, query.digest(0));
    parents.push_back(parent);
  }
}

Result<std::vector<oci::Digest>> missing_manifests(SqliteConnection& connection, const oci::RepositoryId& repository,
                                                   const std::vector<oci::Digest>& digests) {
  LB_TRY(const auto id, find_repository(connection, repository));
  if (!id) return digests;
  std::vector<oci::Digest> missing;
  for (const oci::Digest& digest : digests) {
    SqliteQuery query(connection, kFindHeld, *id, digest);
    LB_TRY(const bool is_held, query.next());
    if (!is_held) missing.push_back(digest);
  }
  return missing;
}

}  // namespace

Status remove_manifest(SqliteConnection& connection, const oci::RepositoryId& repository, const oci::Digest& digest,
                       WallTime now) {
  LB_TRY(const auto id, find_repository(connection, repository));
  if (!id) return refusal::no_manifest(repository, digest);
  LB_TRY(const auto content, find_manifest_content(connection, *id, digest));
  if (!content) return refusal::no_manifest(repository, digest);
  {
    SqliteQuery parents(connection, kParents, *id, digest);
    LB_TRY(const bool is_named, parents.next());
    if (is_named) {
      LB_TRY(const oci::Digest by, parents.digest(0));
      return refusal::manifest_in_use(repository, digest, by);
    }
  }
  LB_CHECK(SqliteQuery(connection, kTouchBlobs, *id, *content, now).run());
  LB_CHECK(drop_manifest(connection, *id, *content, now));
  return note_removal(connection, *id);
}

Result<std::optional<int64_t>> find_manifest_content(SqliteConnection& connection, int64_t repository,
                                                     const oci::Digest& digest) {
  SqliteQuery query(connection, kFindContent, repository, digest);
  LB_TRY(const bool has_row, query.next());
  if (!has_row) return std::nullopt;
  return query.integer(0);
}

Status put_edges(SqliteConnection& connection, int64_t manifest, const std::vector<Edge>& edges) {
  for (const Edge& edge : edges) {
    LB_TRY(const int64_t child, content_of(connection, edge.to));
    LB_CHECK(SqliteQuery(connection, kPutEdge, manifest, number_of(edge.kind), child, edge.size_bytes).run());
  }
  return {};
}

Result<bool> drop_manifest(SqliteConnection& connection, int64_t repository, int64_t content, WallTime since) {
  LB_CHECK(remove_tags_at(connection, repository, content));
  LB_CHECK(forget_pulls(connection, repository, content));
  LB_CHECK(remove_capture(connection, {.repository = repository, .content = content}));
  LB_TRY(const bool is_condemned, condemn_manifest(connection, repository, content, since));
  LB_CHECK(SqliteQuery(connection, kRemove, repository, content).run());
  LB_CHECK(SqliteQuery(connection, kRemoveEdges, content).run());
  return is_condemned;
}

Task<ManifestRecord> SqliteManifests::find(Call call, oci::RepositoryId repository, oci::Digest digest) {
  return reader_.read<ManifestRecord>(std::move(call),
                                      [repository = std::move(repository), digest](SqliteConnection& connection) {
                                        return find_manifest(connection, repository, digest);
                                      });
}

Task<void> SqliteManifests::put(Call call, ManifestPut put) {
  return writer_.write<void>(std::move(call), [put = std::move(put), &clock = clock_](SqliteConnection& connection) {
    return put_manifest(connection, put, clock.wall());
  });
}

Task<void> SqliteManifests::remove(Call call, oci::RepositoryId repository, oci::Digest digest) {
  return writer_.write<void>(
      std::move(call), [repository = std::move(repository), digest, &clock = clock_](SqliteConnection& connection) {
        return remove_manifest(connection, repository, digest, clock.wall());
      });
}

Task<std::vector<oci::Referrer>> SqliteManifests::referrers(Call call, oci::RepositoryId repository,
                                                            oci::Digest subject) {
  return reader_.read<std::vector<oci::Referrer>>(
      std::move(call), [repository = std::move(repository), subject](SqliteConnection& connection) {
        return find_referrers(connection, repository, subject);
      });
}

Task<std::vector<oci::Digest>> SqliteManifests::missing(Call call, oci::RepositoryId repository,
                                                        std::vector<oci::Digest> digests) {
  return reader_.read<std::vector<oci::Digest>>(
      std::move(call),
      [repository = std::move(repository), digests = std::move(digests)](SqliteConnection& connection) {
        return missing_manifests(connection, repository, digests);
      });
}

Task<std::vector<oci::Digest>> SqliteManifests::parents(Call call, oci::RepositoryId repository, oci::Digest child) {
  return reader_.read<std::vector<oci::Digest>>(
      std::move(call), [repository = std::move(repository), child](SqliteConnection& connection) {
        return find_parents(connection, repository, child);
      });
}

}  // namespace lifeboat::meta
