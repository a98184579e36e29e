#pragma once

#include "meta/eviction.h"
#include "meta/sqlite_reader.h"
#include "meta/sqlite_writer.h"

namespace lifeboat::meta {

/// EvictionIndex in SQLite.
class SqliteEviction final : public EvictionIndex {
 public:
  SqliteEviction(SqliteReader& reader, SqliteWriter& writer) : reader_(reader), writer_(writer) {}
  Task<EvictionPage> look(Call call, EvictionPosition from, std::size_t rows_max) override;
  Task<Evicted> evict(Call call, CachedImage image) override;

 private:
  SqliteReader& reader_;
  SqliteWriter& writer_;
};

}  // namespace lifeboat::meta
