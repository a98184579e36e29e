#pragma once

#include "meta/sqlite_reader.h"
#include "meta/sqlite_writer.h"
#include "meta/store.h"
#include "sys/clock.h"

namespace lifeboat::meta {

/// BlobIndex in SQLite.
class SqliteBlobs final : public BlobIndex {
 public:
  SqliteBlobs(SqliteReader& reader, SqliteWriter& writer, const sys::Clock& clock)
      : reader_(reader), writer_(writer), clock_(clock) {}
  Task<BlobRecord> find(Call call, oci::RepositoryId repository, oci::Digest digest) override;
  Task<void> add(Call call, oci::RepositoryId repository, BlobRecord blob) override;
  Task<BlobRecord> mount(Call call, oci::RepositoryId to, std::optional<oci::RepositoryId> from,
                         oci::Digest digest) override;
  Task<void> unlink(Call call, oci::RepositoryId repository, oci::Digest digest) override;
  Task<std::vector<oci::Digest>> missing(Call call, oci::RepositoryId repository,
                                         std::vector<oci::Digest> digests) override;
  Task<BlobRecord> renew(Call call, oci::RepositoryId repository, oci::Digest digest, Duration within) override;

 private:
  SqliteReader& reader_;
  SqliteWriter& writer_;
  const sys::Clock& clock_;
};

/// Whether the repository (nothing: an unknown one) may serve the blob.
Result<bool> has_blob(SqliteConnection& connection, std::optional<int64_t> repository, const oci::Digest& digest);

}  // namespace lifeboat::meta
