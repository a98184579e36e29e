#pragma once

#include "meta/sqlite_reader.h"
#include "meta/sqlite_writer.h"
#include "meta/store.h"
#include "sys/clock.h"

namespace lifeboat::meta {

/// How it is found is tested.
extern const Sql kReferrers;

/// The manifest leaves the repository with its tags; not_found; conflict: an index of the repository names it.
Status remove_manifest(SqliteConnection& connection, const oci::RepositoryId& repository, const oci::Digest& digest,
                       WallTime now);

/// ManifestIndex in SQLite.
class SqliteManifests final : public ManifestIndex {
 public:
  SqliteManifests(SqliteReader& reader, SqliteWriter& writer, const sys::Clock& clock)
      : reader_(reader), writer_(writer), clock_(clock) {}
  Task<ManifestRecord> find(Call call, oci::RepositoryId repository, oci::Digest digest) override;
  Task<void> put(Call call, ManifestPut put) override;
  Task<void> remove(Call call, oci::RepositoryId repository, oci::Digest digest) override;
  Task<std::vector<oci::Referrer>> referrers(Call call, oci::RepositoryId repository, oci::Digest subject) override;
  Task<std::vector<oci::Digest>> missing(Call call, oci::RepositoryId repository,
                                         std::vector<oci::Digest> digests) override;
  Task<std::vector<oci::Digest>> parents(Call call, oci::RepositoryId repository, oci::Digest child) override;

 private:
  SqliteReader& reader_;
  SqliteWriter& writer_;
  const sys::Clock& clock_;
};

/// The number of the digest when the repository has a manifest of it.
Result<std::optional<int64_t>> find_manifest_content(SqliteConnection& connection, int64_t repository,
                                                     const oci::Digest& digest);
/// What the manifest names, beside what is recorded already.
Status put_edges(SqliteConnection& connection, int64_t manifest, const std::vector<Edge>& edges);
/// The row goes, with its tags, its capture, and its edges when no other repository has the manifest. True: nothing
/// needs its bytes any more, they are condemned since then. What names it, and note_removal(), are the caller's.
Result<bool> drop_manifest(SqliteConnection& connection, int64_t repository, int64_t content, WallTime since);

}  // namespace lifeboat::meta
