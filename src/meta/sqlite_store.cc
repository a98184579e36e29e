#include "meta/sqlite_store.h"

#include <string>
#include <vector>

#include "meta/sqlite_blobs.h"
#include "meta/sqlite_captures.h"
#include "meta/sqlite_connection.h"
#include "meta/sqlite_eviction.h"
#include "meta/sqlite_faults.h"
#include "meta/sqlite_manifests.h"
#include "meta/sqlite_reader.h"
#include "meta/sqlite_reclaim.h"
#include "meta/sqlite_repositories.h"
#include "meta/sqlite_schema.h"
#include "meta/sqlite_tags.h"
#include "meta/sqlite_tours.h"
#include "meta/sqlite_uploads.h"
#include "meta/sqlite_usage.h"
#include "meta/sqlite_writer.h"

namespace lifeboat::meta {
namespace {

constexpr unsigned kReaders = 2;

constexpr Sql kJournal{"choose the write-ahead log", "PRAGMA journal_mode = WAL"};
constexpr Sql kPageSize{"ask for the page size", "PRAGMA page_size"};
// Caches of 1.5 MiB for the writer and 256 KiB for each reader; the kernel has the rest of the file.
constexpr Sql kWriterSettings{"set up a writer",
                              "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -1536; "
                              "PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864"};
constexpr Sql kReaderSettings{"set up a reader",
                              "PRAGMA query_only = ON; PRAGMA cache_size = -256; PRAGMA temp_store = MEMORY"};

// Each manifest once, in the order of its index.
constexpr Sql kTotals{"count what there is",
                      "SELECT (SELECT count(*) FROM repository WHERE has_content = 1), "
                      "(SELECT count(*) FROM (SELECT DISTINCT content_id FROM manifest)), count(blob_size), "
                      "coalesce(sum(blob_size), 0) FROM content"};

Status limit_size(SqliteConnection& connection, uint64_t size_max_bytes) {
  if (size_max_bytes == 0) return {};
  SqliteQuery query(connection, kPageSize);
  LB_TRY(const bool has_row, query.next());
  const uint64_t page_bytes = has_row ? static_cast<uint64_t>(query.integer(0)) : 4096;
  const std::string text = "PRAGMA max_page_count = " + std::to_string(size_max_bytes / page_bytes);
  return connection.execute(Sql{"limit the size", text.c_str()});
}

Status choose_log(SqliteConnection& connection) {
  SqliteQuery query(connection, kJournal);
  LB_TRY(const bool has_row, query.next());
  if (has_row && query.text(0) == "wal") return {};
  return fail(ErrorCode::internal, "cannot open database '" + connection.path() +
                                       "': the file system does not carry a write-ahead log (got journal mode '" +
                                       query.text(0) + "', want 'wal')");
}

Result<std::unique_ptr<SqliteConnection>> open_writer(const std::string& path, const SqliteStoreOptions& options) {
  LB_TRY(auto connection, SqliteConnection::open(path));
  // First whose database it is, and only then anything that writes.
  LB_CHECK(check_schema(*connection));
  LB_CHECK(choose_log(*connection));
  LB_CHECK(bring_up_schema(*connection));
  LB_CHECK(connection->execute(kWriterSettings));
  LB_CHECK(limit_size(*connection, options.size_max_bytes));
  return connection;
}

Result<std::unique_ptr<SqliteConnection>> open_reader(const std::string& path) {
  LB_TRY(auto connection, SqliteConnection::open(path));
  LB_CHECK(connection->execute(kReaderSettings));
  return connection;
}

Result<StoreTotals> count_totals(SqliteConnection& connection) {
  SqliteQuery query(connection, kTotals);
  LB_TRY(const bool has_row, query.next());
  if (!has_row) return StoreTotals{};
  return StoreTotals{.repositories = static_cast<uint64_t>(query.integer(0)),
                     .manifests = static_cast<uint64_t>(query.integer(1)),
                     .blobs = static_cast<uint64_t>(query.integer(2)),
                     .blob_bytes = static_cast<uint64_t>(query.integer(3))};
}

}  // namespace

struct SqliteStore::Parts {
  Parts(std::unique_ptr<SqliteConnection> write, std::vector<std::unique_ptr<SqliteConnection>> read,
        const sys::Clock& clock, Log* log)
      : writer(std::move(write), clock, log),
        reader(std::move(read), clock),
        blobs(reader, writer, clock),
        manifests(reader, writer, clock),
        tags(reader, writer, clock),
        repositories(reader),
        uploads(reader, writer),
        captures(reader, writer),
        tours(reader, writer),
        faults(reader, writer),
        reclaim(reader, writer),
        usage(reader, writer, clock),
        eviction(reader, writer) {}

  SqliteWriter writer;
  SqliteReader reader;
  SqliteBlobs blobs;
  SqliteManifests manifests;
  SqliteTags tags;
  SqliteRepositories repositories;
  SqliteUploads uploads;
  SqliteCaptures captures;
  SqliteTours tours;
  SqliteFaults faults;
  SqliteReclaim reclaim;
  SqliteUsage usage;
  SqliteEviction eviction;
};

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::filesystem::path& path, const sys::Clock& clock,
                                                       SqliteStoreOptions options) {
  LB_TRY(auto writer, open_writer(path.string(), options));
  std::vector<std::unique_ptr<SqliteConnection>> readers;
  for (unsigned i = 0; i < kReaders; ++i) {
    LB_TRY(auto reader, open_reader(path.string()));
    readers.push_back(std::move(reader));
  }
  auto parts = std::make_unique<Parts>(std::move(writer), std::move(readers), clock, options.log);
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(parts)));
}

SqliteStore::SqliteStore(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
SqliteStore::~SqliteStore() {
  if (parts_) (void)close();
}

BlobIndex& SqliteStore::blobs() { return parts_->blobs; }
ManifestIndex& SqliteStore::manifests() { return parts_->manifests; }
TagIndex& SqliteStore::tags() { return parts_->tags; }
RepositoryIndex& SqliteStore::repositories() { return parts_->repositories; }
UploadIndex& SqliteStore::uploads() { return parts_->uploads; }
CaptureIndex& SqliteStore::captures() { return parts_->captures; }
TourIndex& SqliteStore::tours() { return parts_->tours; }
FaultIndex& SqliteStore::faults() { return parts_->faults; }
ReclaimIndex& SqliteStore::reclaim() { return parts_->reclaim; }
UsageIndex& SqliteStore::usage() { return parts_->usage; }
EvictionIndex& SqliteStore::eviction() { return parts_->eviction; }

Task<StoreTotals> SqliteStore::totals(Call call) {
  return parts_->reader.read<StoreTotals>(std::move(call), count_totals);
}

Status SqliteStore::close() {
  // Readers first: the last connection to close writes the log back into the database.
  parts_->reader.close();
  Status closed = parts_->writer.close();
  parts_.reset();
  return closed;
}

}  // namespace lifeboat::meta
