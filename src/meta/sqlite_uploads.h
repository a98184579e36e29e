#pragma once

#include "meta/sqlite_reader.h"
#include "meta/sqlite_writer.h"
#include "meta/store.h"

namespace lifeboat::meta {

/// UploadIndex in SQLite.
class SqliteUploads final : public UploadIndex {
 public:
  SqliteUploads(SqliteReader& reader, SqliteWriter& writer) : reader_(reader), writer_(writer) {}
  void add(UploadRecord upload) override;
  void remove(oci::UploadId id) override;
  Task<UploadRecord> find(Call call, oci::UploadId id) override;
  Task<std::vector<UploadRecord>> started_before(Call call, WallTime time) override;

 private:
  SqliteReader& reader_;
  SqliteWriter& writer_;
};

}  // namespace lifeboat::meta
