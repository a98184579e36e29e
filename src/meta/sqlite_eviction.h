#pragma once

#include "meta/eviction.h"
#include "meta/sqlite_reader.h"
#include "meta/sqlite_writer.h"

namespace lifeboat::meta {

/// Asked in the writer's transaction: how it is found is tested.
extern const Sql kStandsIn;

/// A tag has left the cached manifest for one that is still to be captured: what a tag was before is what is served in
/// an outage, until what it is now is here.
Result<bool> stands_in(SqliteConnection& connection, int64_t repository, int64_t content);

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
