#pragma once

#include "meta/sqlite_reader.h"
#include "meta/sqlite_writer.h"
#include "meta/store.h"

namespace lifeboat::meta {

/// BlobIndex in SQLite.
class SqliteBlobs final : public BlobIndex {
 public:
  SqliteBlobs(SqliteReader& reader, SqliteWriter& writer) : reader_(reader), writer_(writer) {}
  Task<BlobRecord> find(Call call, oci::RepositoryId repository, oci::Digest digest) override;
  Task<void> add(Call call, oci::RepositoryId repository, BlobRecord blob) override;
  Task<BlobRecord> mount(Call call, oci::RepositoryId to, std::optional<oci::RepositoryId> from,
                         oci::Digest digest) override;
  Task<void> unlink(Call call, oci::RepositoryId repository, oci::Digest digest) override;
  Task<std::vector<oci::Digest>> missing(Call call, oci::RepositoryId repository,
                                         std::vector<oci::Digest> digests) override;

 private:
  SqliteReader& reader_;
  SqliteWriter& writer_;
};

}  // namespace lifeboat::meta
