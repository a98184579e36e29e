#pragma once

#include "meta/sqlite_reader.h"
#include "meta/sqlite_writer.h"
#include "meta/store.h"

namespace lifeboat::meta {

/// Inside of another write: content with this number is here again.
Status clear_fault(SqliteConnection& connection, int64_t content);

/// FaultIndex in SQLite.
class SqliteFaults final : public FaultIndex {
 public:
  SqliteFaults(SqliteReader& reader, SqliteWriter& writer) : reader_(reader), writer_(writer) {}
  Task<void> note(Call call, Fault fault) override;
  Task<void> clear(Call call, oci::Digest digest) override;
  Task<std::optional<Fault>> find(Call call, oci::Digest digest) override;
  Task<std::vector<Fault>> list(Call call, std::size_t limit) override;
  Task<uint64_t> count(Call call) override;
  void postpone(Fault fault) override;
  Task<std::vector<KnownContent>> known(Call call, std::optional<oci::Digest> last, std::size_t limit) override;
  Task<std::vector<oci::Digest>> named_by(Call call, oci::Digest manifest) override;
  Task<std::vector<ContentPlace>> places(Call call, oci::Digest digest) override;
  Task<std::vector<TagPlace>> tags_over(Call call, oci::Digest digest, std::size_t limit) override;
  Task<std::vector<LostManifest>> lost_manifests(Call call, std::size_t limit) override;

 private:
  SqliteReader& reader_;
  SqliteWriter& writer_;
};

}  // namespace lifeboat::meta
