#pragma once

#include "meta/sqlite_reader.h"
#include "meta/sqlite_writer.h"
#include "meta/store.h"

namespace lifeboat::meta {

/// ReclaimIndex in SQLite.
class SqliteReclaim final : public ReclaimIndex {
 public:
  SqliteReclaim(SqliteReader& reader, SqliteWriter& writer) : reader_(reader), writer_(writer) {}
  Task<ReclaimPage> look(Call call, ReclaimPosition from, WallTime before, std::size_t rows_max) override;
  Task<std::vector<Reclaimable>> release(Call call, std::vector<Reclaimable> found, WallTime before) override;
  Task<std::vector<Condemned>> condemned(Call call, WallTime before, std::size_t limit) override;
  void acquit(std::vector<oci::Digest> digests) override;
  Task<std::vector<oci::Digest>> unneeded(Call call, std::vector<oci::Digest> digests) override;
  Task<bool> restore_edges(Call call, oci::RepositoryId repository, oci::Digest manifest,
                           std::vector<Edge> edges) override;
  Task<RootPage> needed_by_tags(Call call, std::string position, std::size_t tags_max) override;
  Task<std::vector<std::string>> faults(Call call, std::size_t limit) override;

 private:
  SqliteReader& reader_;
  SqliteWriter& writer_;
};

/// Before its row goes: condemned when hosted, or needed by nothing else. False: not, or noted later already.
Result<bool> condemn_manifest(SqliteConnection& connection, int64_t repository, int64_t content, WallTime now);
/// The repository's link to a blob goes, whenever it was touched, and its row when nothing else needs it: true, and it
/// is condemned since then. Nothing happens when a manifest of the repository names it.
Result<bool> drop_unnamed_blob(SqliteConnection& connection, int64_t repository, const oci::Digest& digest,
                               WallTime since);

}  // namespace lifeboat::meta
