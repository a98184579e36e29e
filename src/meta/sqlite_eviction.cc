#include "meta/sqlite_eviction.h"

#include <algorithm>
#include <utility>

#include "meta/sqlite_content.h"
#include "meta/sqlite_manifests.h"
#include "meta/sqlite_reclaim.h"
#include "meta/sqlite_repositories.h"

namespace lifeboat::meta {

// From the few tags the manifest ever had to what they are now: captures may wait by the thousand.
constexpr Sql kStandsIn{"find tags that have left a cached manifest",
                        "SELECT 1 FROM tag_history AS past CROSS JOIN tag ON tag.repository_id = ?1 AND "
                        "tag.name = past.name AND tag.content_id <> ?2 CROSS JOIN capture ON "
                        "capture.repository_id = ?1 AND capture.content_id = tag.content_id "
                        "WHERE past.repository_id = ?1 AND past.content_id = ?2 LIMIT 1"};

namespace {

/// Long ago, so that no grace keeps the bytes: whoever asks for them gets them from the upstream again.
constexpr WallTime kCondemnedSince{};

constexpr Sql kManifests{"look at cached manifests",
                         "SELECT repository_id, content_id, host, name, digest FROM manifest "
                         "CROSS JOIN repository ON repository.id = repository_id "
                         "CROSS JOIN content ON content.id = content_id "
                         "WHERE (repository_id, content_id) > (?, ?) ORDER BY repository_id, content_id LIMIT ?"};
// What in its repository leads to a manifest: the indexes that name it, and its subject.
constexpr Sql kOver{"find what is over a cached manifest",
                    "SELECT parent_id FROM edge CROSS JOIN manifest ON repository_id = ?1 AND content_id = parent_id "
                    "WHERE child_id = ?2 AND kind = 2 UNION "
                    "SELECT subject.content_id FROM manifest CROSS JOIN manifest AS subject ON subject.repository_id = "
                    "?1 AND subject.content_id = manifest.subject_id WHERE manifest.repository_id = ?1 AND "
                    "manifest.content_id = ?2"};
constexpr Sql kMembers{"find what belongs to a cached image",
                       "WITH RECURSIVE member (id) AS (VALUES (?2) UNION "
                       "SELECT child_id FROM member CROSS JOIN edge ON parent_id = member.id AND kind = 2 "
                       "CROSS JOIN manifest ON repository_id = ?1 AND content_id = child_id UNION "
                       "SELECT content_id FROM member CROSS JOIN manifest ON subject_id = member.id AND "
                       "repository_id = ?1) SELECT id FROM member"};
constexpr Sql kUsed{"find when a cached manifest was used",
                    "SELECT max(coalesce((SELECT at FROM pull WHERE repository_id = ?1 AND content_id = ?2), "
                    "(SELECT max(updated) FROM tag WHERE repository_id = ?1 AND content_id = ?2), untagged_since), "
                    "coalesce((SELECT max(touched) FROM edge CROSS JOIN repository_blob ON repository_id = ?1 AND "
                    "content_id = child_id WHERE parent_id = ?2 AND kind < 2), 0)) "
                    "FROM manifest WHERE repository_id = ?1 AND content_id = ?2"};
constexpr Sql kDigest{"find the digest of a cached manifest", "SELECT digest FROM content WHERE id = ?"};
constexpr Sql kIsPinned{"find the pins of a cached manifest",
                        "SELECT EXISTS (SELECT 1 FROM repository CROSS JOIN pin ON pin.host = repository.host AND "
                        "pin.name = repository.name WHERE repository.id = ?1 AND (reference = ?3 OR reference IN "
                        "(SELECT tag.name FROM tag WHERE repository_id = ?1 AND content_id = ?2)))"};
constexpr Sql kBlobs{"find the blobs of a cached manifest",
                     "SELECT digest, blob_size FROM edge CROSS JOIN content ON content.id = child_id "
                     "WHERE parent_id = ? AND kind < 2 AND blob_size IS NOT NULL"};
constexpr Sql kManifestSize{"find the size of a cached manifest",
                            "SELECT size FROM manifest WHERE repository_id = ? AND content_id = ?"};

/// A manifest of a repository, by the numbers that stand for them.
struct CachedPlace {
  int64_t repository = 0;
  int64_t content = 0;
};

struct Blob {
  oci::Digest digest;
  uint64_t size_bytes = 0;
};

Result<std::vector<int64_t>> numbers(SqliteConnection& connection, const Sql& sql, const CachedPlace& at) {
  std::vector<int64_t> found;
  SqliteQuery query(connection, sql, at.repository, at.content);
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return found;
    found.push_back(query.integer(0));
  }
}

Result<WallTime> last_use(SqliteConnection& connection, int64_t repository, const std::vector<int64_t>& members) {
  WallTime used{};
  for (const int64_t member : members) {
    SqliteQuery query(connection, kUsed, repository, member);
    LB_TRY(const bool has_row, query.next());
    if (has_row) used = std::max(used, query.time(0));
  }
  return used;
}

Result<bool> is_any_pinned(SqliteConnection& connection, int64_t repository, const std::vector<int64_t>& members) {
  for (const int64_t member : members) {
    SqliteQuery content(connection, kDigest, member);
    LB_TRY(const bool has_digest, content.next());
    if (!has_digest) continue;
    LB_TRY(const oci::Digest digest, content.digest(0));
    SqliteQuery pinned(connection, kIsPinned, repository, member, digest.to_string());
    LB_TRY(const bool has_row, pinned.next());
    if (has_row && pinned.boolean(0)) return true;
  }
  return false;
}

Result<bool> does_any_stand_in(SqliteConnection& connection, int64_t repository, const std::vector<int64_t>& members) {
  for (const int64_t member : members) {
    LB_TRY(const bool is_standing_in, stands_in(connection, repository, member));
    if (is_standing_in) return true;
  }
  return false;
}

Result<EvictionPage> look_at_manifests(SqliteConnection& connection, EvictionPosition at, std::size_t rows_max) {
  EvictionPage page;
  SqliteQuery query(connection, kManifests, at.repository, at.content, rows_max);
  std::size_t rows = 0;
  for (;; ++rows) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) break;
    at = {.repository = query.integer(0), .content = query.integer(1)};
    const std::string host = query.text(2);
    if (host.empty()) continue;
    const CachedPlace place{.repository = at.repository, .content = at.content};
    LB_TRY(const auto over, numbers(connection, kOver, place));
    if (!over.empty()) continue;
    LB_TRY(const auto members, numbers(connection, kMembers, place));
    LB_TRY(const WallTime used, last_use(connection, at.repository, members));
    LB_TRY(const bool is_pinned, is_any_pinned(connection, at.repository, members));
    LB_TRY(oci::RegistryHost registry, oci::RegistryHost::parse(host));
    LB_TRY(oci::Repository name, oci::Repository::parse(query.text(3)));
    LB_TRY(const oci::Digest root, query.digest(4));
    page.images.push_back(
        {.repository = {std::move(registry), std::move(name)}, .root = root, .used = used, .is_pinned = is_pinned});
  }
  if (rows == rows_max) page.next = at;
  return page;
}

/// The root, then again and again what only leads up to what goes already.
Result<std::vector<int64_t>> those_that_go(SqliteConnection& connection, const CachedPlace& root,
                                           const std::vector<int64_t>& members) {
  std::vector<int64_t> going{root.content};
  const auto goes = [&](int64_t one) { return std::ranges::find(going, one) != going.end(); };
  for (bool has_grown = true; has_grown;) {
    has_grown = false;
    for (const int64_t member : members) {
      if (goes(member)) continue;
      LB_TRY(const auto over, numbers(connection, kOver, {.repository = root.repository, .content = member}));
      if (!std::ranges::all_of(over, goes)) continue;
      going.push_back(member);
      has_grown = true;
    }
  }
  return going;
}

Result<std::vector<Blob>> blobs_of(SqliteConnection& connection, int64_t manifest) {
  std::vector<Blob> blobs;
  SqliteQuery query(connection, kBlobs, manifest);
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return blobs;
    LB_TRY(const oci::Digest digest, query.digest(0));
    blobs.push_back({digest, static_cast<uint64_t>(query.integer(1))});
  }
}

Result<uint64_t> size_of(SqliteConnection& connection, const CachedPlace& manifest) {
  SqliteQuery query(connection, kManifestSize, manifest.repository, manifest.content);
  LB_TRY(const bool has_row, query.next());
  return has_row ? static_cast<uint64_t>(query.integer(0)) : 0;
}

Status take_manifests(SqliteConnection& connection, int64_t repository, const std::vector<int64_t>& going,
                      Evicted& evicted) {
  std::vector<Blob> blobs;
  for (const int64_t content : going) {
    const CachedPlace place{.repository = repository, .content = content};
    LB_TRY(const auto named, blobs_of(connection, content));
    blobs.insert(blobs.end(), named.begin(), named.end());
    LB_TRY(const uint64_t size_bytes, size_of(connection, place));
    LB_TRY(const bool is_condemned, drop_manifest(connection, repository, content, kCondemnedSince));
    if (!is_condemned) continue;
    ++evicted.contents;
    evicted.bytes += size_bytes;
  }
  for (const Blob& blob : blobs) {
    LB_TRY(const bool is_condemned, drop_unnamed_blob(connection, repository, blob.digest, kCondemnedSince));
    if (!is_condemned) continue;
    ++evicted.contents;
    evicted.bytes += blob.size_bytes;
  }
  return note_removal(connection, repository);
}

Result<Evicted> evict_image(SqliteConnection& connection, const CachedImage& image) {
  Evicted evicted;
  if (image.repository.is_hosted()) return evicted;
  LB_TRY(const auto repository, find_repository(connection, image.repository));
  if (!repository) return evicted;
  LB_TRY(const auto content, find_manifest_content(connection, *repository, image.root));
  if (!content) return evicted;
  const CachedPlace root{.repository = *repository, .content = *content};
  LB_TRY(const auto over, numbers(connection, kOver, root));
  if (!over.empty()) return evicted;
  LB_TRY(const auto members, numbers(connection, kMembers, root));
  LB_TRY(const WallTime used, last_use(connection, *repository, members));
  LB_TRY(const bool is_pinned, is_any_pinned(connection, *repository, members));
  if (used > image.used || is_pinned) return evicted;
  LB_TRY(const bool is_standing_in, does_any_stand_in(connection, *repository, members));
  if (is_standing_in) return evicted;
  LB_TRY(const auto going, those_that_go(connection, root, members));
  LB_CHECK(take_manifests(connection, *repository, going, evicted));
  evicted.has_gone = true;
  return evicted;
}

}  // namespace

Result<bool> stands_in(SqliteConnection& connection, int64_t repository, int64_t content) {
  return SqliteQuery(connection, kStandsIn, repository, content).next();
}

Task<EvictionPage> SqliteEviction::look(Call call, EvictionPosition from, std::size_t rows_max) {
  co_await writer_.settle();
  std::function<Result<EvictionPage>(SqliteConnection&)> work = [from, rows_max](SqliteConnection& connection) {
    return look_at_manifests(connection, from, rows_max);
  };
  co_return co_await reader_.read<EvictionPage>(std::move(call), std::move(work));
}

Task<Evicted> SqliteEviction::evict(Call call, CachedImage image) {
  return writer_.write<Evicted>(std::move(call), [image = std::move(image)](SqliteConnection& connection) {
    return evict_image(connection, image);
  });
}

}  // namespace lifeboat::meta
