#pragma once

#include "meta/sqlite_reader.h"
#include "meta/sqlite_writer.h"
#include "meta/store.h"
#include "sys/clock.h"

namespace lifeboat::meta {

/// Asked in the writer's transaction: how it is found is tested.
extern const Sql kCompany;

/// Notes whether the manifest has a tag now: `now` is when it lost the last, or was put without.
Status note_tagging(SqliteConnection& connection, int64_t repository, int64_t content, WallTime now);
/// The same of one that was put (again): without a tag, its time begins anew.
Status note_put(SqliteConnection& connection, int64_t repository, int64_t content, WallTime now);
/// Of a manifest that leaves the repository.
Status forget_pulls(SqliteConnection& connection, int64_t repository, int64_t content);

/// UsageIndex in SQLite.
class SqliteUsage final : public UsageIndex {
 public:
  SqliteUsage(SqliteReader& reader, SqliteWriter& writer, const sys::Clock& clock)
      : reader_(reader), writer_(writer), clock_(clock) {}
  void note_pulled(oci::RepositoryId repository, oci::Digest manifest, WallTime at) override;
  Task<std::optional<WallTime>> pulled(Call call, oci::RepositoryId repository, oci::Digest manifest) override;
  Task<void> add_pin(Call call, Pin pin) override;
  Task<void> remove_pin(Call call, oci::RepositoryId repository, std::string reference) override;
  Task<std::vector<Pin>> pins(Call call) override;
  Task<std::vector<UsedTag>> tags(Call call, oci::RepositoryId repository, std::string last,
                                  std::size_t limit) override;
  Task<ManifestPage> manifests(Call call, oci::RepositoryId repository, std::string position,
                               std::size_t limit) override;
  Task<bool> remove_tag(Call call, oci::RepositoryId repository, oci::Tag tag, oci::Digest digest) override;
  Task<bool> remove_manifest(Call call, oci::RepositoryId repository, oci::Digest digest,
                             WallTime untagged_by) override;

 private:
  SqliteReader& reader_;
  SqliteWriter& writer_;
  const sys::Clock& clock_;
};

}  // namespace lifeboat::meta
