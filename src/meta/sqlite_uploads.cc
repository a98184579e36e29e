#include "meta/sqlite_uploads.h"

#include "meta/refusal.h"

namespace lifeboat::meta {
namespace {

constexpr Sql kAdd{"add an upload session",
                   "INSERT OR REPLACE INTO upload (id, host, name, started, committed) VALUES (?, ?, ?, ?, ?)"};
constexpr Sql kRemove{"remove an upload session", "DELETE FROM upload WHERE id = ?"};
constexpr Sql kFind{"find an upload session", "SELECT id, host, name, started, committed FROM upload WHERE id = ?"};
constexpr Sql kFindBefore{
    "find old upload sessions",
    "SELECT id, host, name, started, committed FROM upload WHERE started < ? ORDER BY started, id"};

Result<UploadRecord> record_of(const SqliteQuery& row) {
  LB_TRY(oci::UploadId id, oci::UploadId::parse(row.text(0)));
  std::optional<oci::RegistryHost> host;
  if (const std::string text = row.text(1); !text.empty()) {
    LB_TRY(host, oci::RegistryHost::parse(text));
  }
  LB_TRY(oci::Repository name, oci::Repository::parse(row.text(2)));
  LB_TRY(auto committed, row.optional_digest(4));
  return UploadRecord{.id = std::move(id),
                      .repository = {std::move(host), std::move(name)},
                      .started = row.time(3),
                      .committed = committed};
}

Result<UploadRecord> find_upload(SqliteConnection& connection, const oci::UploadId& id) {
  SqliteQuery query(connection, kFind, id.to_string());
  LB_TRY(const bool has_row, query.next());
  if (!has_row) return refusal::no_upload(id);
  return record_of(query);
}

Result<std::vector<UploadRecord>> find_uploads_before(SqliteConnection& connection, WallTime time) {
  std::vector<UploadRecord> uploads;
  SqliteQuery query(connection, kFindBefore, time);
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return uploads;
    LB_TRY(UploadRecord upload, record_of(query));
    uploads.push_back(std::move(upload));
  }
}

}  // namespace

void SqliteUploads::add(UploadRecord upload) {
  writer_.write_soon("add an upload session", [upload = std::move(upload)](SqliteConnection& connection) {
    const oci::RepositoryId& repository = upload.repository;
    const std::string host = repository.host ? repository.host->to_string() : std::string();
    return SqliteQuery(connection, kAdd, upload.id.to_string(), host, repository.name.to_string(), upload.started,
                       upload.committed)
        .run();
  });
}

void SqliteUploads::remove(oci::UploadId id) {
  writer_.write_soon("remove an upload session", [id = std::move(id)](SqliteConnection& connection) {
    return SqliteQuery(connection, kRemove, id.to_string()).run();
  });
}

Task<UploadRecord> SqliteUploads::find(Call call, oci::UploadId id) {
  co_await writer_.settle();
  std::function<Result<UploadRecord>(SqliteConnection&)> work = [&id](SqliteConnection& connection) {
    return find_upload(connection, id);
  };
  co_return co_await reader_.read<UploadRecord>(std::move(call), std::move(work));
}

Task<std::vector<UploadRecord>> SqliteUploads::started_before(Call call, WallTime time) {
  co_await writer_.settle();
  std::function<Result<std::vector<UploadRecord>>(SqliteConnection&)> work = [time](SqliteConnection& connection) {
    return find_uploads_before(connection, time);
  };
  co_return co_await reader_.read<std::vector<UploadRecord>>(std::move(call), std::move(work));
}

}  // namespace lifeboat::meta
