#pragma once

#include "meta/sqlite_reader.h"
#include "meta/sqlite_writer.h"
#include "meta/store.h"

namespace lifeboat::meta {

/// TourIndex in SQLite.
class SqliteTours final : public TourIndex {
 public:
  SqliteTours(SqliteReader& reader, SqliteWriter& writer) : reader_(reader), writer_(writer) {}
  Task<std::optional<Tour>> find(Call call, std::string name) override;
  void note(std::string name, Tour tour) override;

 private:
  SqliteReader& reader_;
  SqliteWriter& writer_;
};

}  // namespace lifeboat::meta
