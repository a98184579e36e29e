#pragma once

#include <string_view>

#include "meta/sqlite_reader.h"
#include "meta/sqlite_writer.h"
#include "meta/store.h"

namespace lifeboat::meta {

/// A manifest of a repository, by the numbers that stand for them.
struct ManifestPlace {
  int64_t repository;
  int64_t content;
};
/// CaptureIndex::add() and what goes with a manifest, inside of another write.
Status add_capture(SqliteConnection& connection, const ManifestPlace& manifest, std::string_view platforms,
                   WallTime due);
Status remove_capture(SqliteConnection& connection, const ManifestPlace& manifest);

/// CaptureIndex in SQLite.
class SqliteCaptures final : public CaptureIndex {
 public:
  SqliteCaptures(SqliteReader& reader, SqliteWriter& writer) : reader_(reader), writer_(writer) {}
  Task<void> add(Call call, oci::RepositoryId repository, oci::Digest manifest, std::string platforms,
                 WallTime due) override;
  Task<std::vector<CaptureJob>> due(Call call, WallTime time, std::size_t limit) override;
  Task<std::optional<CaptureJob>> find(Call call, oci::RepositoryId repository, oci::Digest manifest) override;
  Task<CaptureTotals> totals(Call call) override;
  void finish(CaptureJob job) override;
  void postpone(CaptureJob job, WallTime until) override;
  void hurry(oci::RegistryHost host, WallTime now) override;
  void note_platform(oci::RepositoryId repository, std::string platform) override;
  Task<std::vector<std::string>> platforms(Call call, oci::RepositoryId repository) override;

 private:
  SqliteReader& reader_;
  SqliteWriter& writer_;
};

}  // namespace lifeboat::meta
