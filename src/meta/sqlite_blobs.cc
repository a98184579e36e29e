#include "meta/sqlite_blobs.h"

#include "meta/refusal.h"
#include "meta/sqlite_content.h"
#include "meta/sqlite_faults.h"
#include "meta/sqlite_repositories.h"

namespace lifeboat::meta {
namespace {

// A child that is a manifest (kind 2) is no blob. CROSS JOIN: from the edges of the one digest to their parents, never
// through all manifests of the repository.
constexpr Sql kFind{"find a blob",
                    "SELECT blob_size FROM content WHERE digest = ?1 AND blob_size IS NOT NULL AND "
                    "NOT EXISTS (SELECT 1 FROM fault WHERE content_id = id) AND ("
                    "EXISTS (SELECT 1 FROM repository_blob WHERE repository_id = ?2 AND content_id = id) OR "
                    "EXISTS (SELECT 1 FROM edge CROSS JOIN manifest ON repository_id = ?2 AND content_id = parent_id "
                    "WHERE child_id = id AND kind < 2))"};
constexpr Sql kFindAnywhere{"find a blob",
                            "SELECT blob_size FROM content WHERE digest = ?1 AND blob_size IS NOT NULL AND "
                            "NOT EXISTS (SELECT 1 FROM fault WHERE content_id = id) AND ("
                            "EXISTS (SELECT 1 FROM repository_blob WHERE content_id = id) OR "
                            "EXISTS (SELECT 1 FROM edge CROSS JOIN manifest ON content_id = parent_id "
                            "WHERE child_id = id AND kind < 2))"};
constexpr Sql kFindParent{"find who names a blob",
                          "SELECT parent.digest FROM content CROSS JOIN edge ON child_id = content.id AND kind < 2 "
                          "CROSS JOIN manifest ON repository_id = ?2 AND content_id = parent_id "
                          "CROSS JOIN content AS parent ON parent.id = parent_id "
                          "WHERE content.digest = ?1 ORDER BY parent.digest LIMIT 1"};
constexpr Sql kSize{"find the size of a blob", "SELECT blob_size FROM content WHERE id = ?"};
constexpr Sql kAdd{"add a blob", "UPDATE content SET blob_size = ? WHERE id = ?"};
constexpr Sql kLink{"link a blob",
                    "INSERT INTO repository_blob (repository_id, content_id, touched) VALUES (?1, ?2, ?3) "
                    "ON CONFLICT DO UPDATE SET touched = ?3"};
constexpr Sql kTouched{"find when a blob was relied on",
                       "SELECT touched FROM repository_blob WHERE repository_id = ? AND content_id = "
                       "(SELECT id FROM content WHERE digest = ?)"};
constexpr Sql kUnlink{"unlink a blob", "DELETE FROM repository_blob WHERE repository_id = ? AND content_id = ?"};

Result<std::optional<BlobRecord>> blob_in(SqliteConnection& connection, std::optional<int64_t> repository,
                                          const oci::Digest& digest) {
  if (!repository) return std::nullopt;
  SqliteQuery query(connection, kFind, digest, *repository);
  LB_TRY(const bool has_row, query.next());
  if (!has_row) return std::nullopt;
  return BlobRecord{digest, static_cast<uint64_t>(query.integer(0))};
}

Result<std::optional<BlobRecord>> blob_anywhere(SqliteConnection& connection, const oci::Digest& digest) {
  SqliteQuery query(connection, kFindAnywhere, digest);
  LB_TRY(const bool has_row, query.next());
  if (!has_row) return std::nullopt;
  return BlobRecord{digest, static_cast<uint64_t>(query.integer(0))};
}

Result<BlobRecord> find_blob(SqliteConnection& connection, const oci::RepositoryId& repository,
                             const oci::Digest& digest) {
  LB_TRY(const auto id, find_repository(connection, repository));
  LB_TRY(auto blob, blob_in(connection, id, digest));
  if (!blob) return refusal::no_blob(repository, digest);
  return *blob;
}

Status add_blob(SqliteConnection& connection, const oci::RepositoryId& repository, const BlobRecord& blob,
                WallTime now) {
  LB_TRY(const int64_t content, content_of(connection, blob.digest));
  std::optional<uint64_t> known;
  {
    SqliteQuery query(connection, kSize, content);
    LB_TRY(const bool has_row, query.next());
    if (has_row && !query.is_null(0)) known = static_cast<uint64_t>(query.integer(0));
  }
  if (known != blob.size_bytes) LB_CHECK(SqliteQuery(connection, kAdd, blob.size_bytes, content).run());
  LB_CHECK(clear_fault(connection, content));
  LB_TRY(const int64_t id, filled_repository(connection, repository));
  return SqliteQuery(connection, kLink, id, content, now).run();
}

Result<BlobRecord> mount_blob(SqliteConnection& connection, const oci::RepositoryId& to,
                              const std::optional<oci::RepositoryId>& from, const oci::Digest& digest, WallTime now) {
  std::optional<BlobRecord> blob;
  if (from) {
    LB_TRY(const auto source, find_repository(connection, *from));
    LB_TRY(blob, blob_in(connection, source, digest));
  } else {
    LB_TRY(blob, blob_anywhere(connection, digest));
  }
  if (!blob) return refusal::no_blob_to_mount(from, digest);
  LB_TRY(const int64_t id, filled_repository(connection, to));
  LB_TRY(const int64_t content, content_of(connection, digest));
  LB_CHECK(SqliteQuery(connection, kLink, id, content, now).run());
  return *blob;
}

Status unlink_blob(SqliteConnection& connection, const oci::RepositoryId& repository, const oci::Digest& digest) {
  LB_TRY(const auto id, find_repository(connection, repository));
  LB_TRY(const auto blob, blob_in(connection, id, digest));
  if (!blob) return refusal::no_blob(repository, digest);
  {
    SqliteQuery parents(connection, kFindParent, digest, *id);
    LB_TRY(const bool is_named, parents.next());
    if (is_named) {
      LB_TRY(const oci::Digest by, parents.digest(0));
      return refusal::blob_in_use(repository, digest, by);
    }
  }
  LB_TRY(const int64_t content, content_of(connection, digest));
  LB_CHECK(SqliteQuery(connection, kUnlink, *id, content).run());
  return note_removal(connection, *id);
}

struct Relied {
  BlobRecord blob;
  std::optional<WallTime> touched;  ///< nothing: only a manifest names it
};

Result<Relied> find_relied(SqliteConnection& connection, const oci::RepositoryId& repository,
                           const oci::Digest& digest) {
  LB_TRY(const BlobRecord blob, find_blob(connection, repository, digest));
  LB_TRY(const auto id, find_repository(connection, repository));
  SqliteQuery query(connection, kTouched, id, digest);
  LB_TRY(const bool has_row, query.next());
  return Relied{blob, has_row ? std::optional(query.time(0)) : std::nullopt};
}

/// What cannot be served any more stays gone.
Status touch_blob(SqliteConnection& connection, const oci::RepositoryId& repository, const oci::Digest& digest,
                  WallTime now) {
  LB_TRY(const auto id, find_repository(connection, repository));
  LB_TRY(const auto blob, blob_in(connection, id, digest));
  if (!blob) return {};
  LB_TRY(const int64_t content, content_of(connection, digest));
  return SqliteQuery(connection, kLink, *id, content, now).run();
}

Result<std::vector<oci::Digest>> missing_blobs(SqliteConnection& connection, const oci::RepositoryId& repository,
                                               const std::vector<oci::Digest>& digests) {
  LB_TRY(const auto id, find_repository(connection, repository));
  std::vector<oci::Digest> missing;
  for (const oci::Digest& digest : digests) {
    LB_TRY(const auto blob, blob_in(connection, id, digest));
    if (!blob) missing.push_back(digest);
  }
  return missing;
}

}  // namespace

Result<bool> has_blob(SqliteConnection& connection, std::optional<int64_t> repository, const oci::Digest& digest) {
  LB_TRY(const auto blob, blob_in(connection, repository, digest));
  return blob.has_value();
}

Task<BlobRecord> SqliteBlobs::find(Call call, oci::RepositoryId repository, oci::Digest digest) {
  return reader_.read<BlobRecord>(std::move(call),
                                  [repository = std::move(repository), digest](SqliteConnection& connection) {
                                    return find_blob(connection, repository, digest);
                                  });
}

Task<void> SqliteBlobs::add(Call call, oci::RepositoryId repository, BlobRecord blob) {
  return writer_.write<void>(std::move(call),
                             [repository = std::move(repository), blob, &clock = clock_](SqliteConnection& connection) {
                               return add_blob(connection, repository, blob, clock.wall());
                             });
}

Task<BlobRecord> SqliteBlobs::mount(Call call, oci::RepositoryId to, std::optional<oci::RepositoryId> from,
                                    oci::Digest digest) {
  return writer_.write<BlobRecord>(std::move(call), [to = std::move(to), from = std::move(from), digest,
                                                     &clock = clock_](SqliteConnection& connection) {
    return mount_blob(connection, to, from, digest, clock.wall());
  });
}

Task<void> SqliteBlobs::unlink(Call call, oci::RepositoryId repository, oci::Digest digest) {
  return writer_.write<void>(std::move(call),
                             [repository = std::move(repository), digest](SqliteConnection& connection) {
                               return unlink_blob(connection, repository, digest);
                             });
}

Task<std::vector<oci::Digest>> SqliteBlobs::missing(Call call, oci::RepositoryId repository,
                                                    std::vector<oci::Digest> digests) {
  return reader_.read<std::vector<oci::Digest>>(
      std::move(call), [repository = std::move(repository), digests = std::move(digests)](
                           SqliteConnection& connection) { return missing_blobs(connection, repository, digests); });
}

Task<BlobRecord> SqliteBlobs::renew(Call call, oci::RepositoryId repository, oci::Digest digest, Duration within) {
  const WallTime now = clock_.wall();
  std::function<Result<Relied>(SqliteConnection&)> work = [&repository, &digest](SqliteConnection& connection) {
    return find_relied(connection, repository, digest);
  };
  LB_CO_TRY(const Relied held, co_await reader_.read<Relied>(call, work));
  if (held.touched && *held.touched >= now - within) co_return held.blob;
  writer_.write_soon("renew a blob", [repository, digest, now](SqliteConnection& connection) {
    return touch_blob(connection, repository, digest, now);
  });
  co_await writer_.settle();
  // The collector may have come between; what it took is not promised.
  LB_CO_TRY(const Relied kept, co_await reader_.read<Relied>(call, work));
  co_return kept.blob;
}

}  // namespace lifeboat::meta
