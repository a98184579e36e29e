#include "meta/sqlite_connection.h"

#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/assert.h"

namespace lifeboat::meta {
namespace {

/// How long another process that writes (a command line tool beside the server) is waited for.
constexpr int kBusyTimeoutMs = 5000;

bool is_disk_refusal(int errno_value) { return errno_value == ENOSPC || errno_value == EDQUOT || errno_value == EROFS; }

ErrorCode code_of(int primary, int errno_value) {
  switch (primary) {
    case SQLITE_FULL:
    case SQLITE_READONLY: return ErrorCode::no_space;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return ErrorCode::corrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return ErrorCode::unavailable;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN: return is_disk_refusal(errno_value) ? ErrorCode::no_space : ErrorCode::internal;
    default: return ErrorCode::internal;
  }
}

/// SQLite's own words for a file it cannot make do not tell whether the directory is missing or closed to us.
Status check_directory(const std::string& path) {
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  if (::access(directory.empty() ? "." : directory.c_str(), W_OK | X_OK) == 0) return {};
  return fail_errno(errno, "cannot open database '" + path + "': its directory cannot be written to");
}

/// SQLite's count of its own memory takes a lock of the whole process at each allocation, and nobody asks for it.
void stop_counting_memory() { [[maybe_unused]] static const int result = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

int note_commit(void* pages, sqlite3*, const char*, int log_pages) {
  *static_cast<int*>(pages) = log_pages;
  return SQLITE_OK;
}

/// A digest in the database: one byte for the algorithm, then its raw bytes, so that the order is that of the text.
constexpr std::byte kSha256{0};
constexpr std::byte kSha512{1};

}  // namespace

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(const std::string& path) {
  stop_counting_memory();
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(path));
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (const int code = sqlite3_open_v2(path.c_str(), &connection->database_, flags, nullptr); code != SQLITE_OK) {
    LB_CHECK(check_directory(path));
    return connection->failure("open a connection", code);
  }
  if (sqlite3_db_readonly(connection->database_, "main") == 1) {
    return fail(ErrorCode::no_space, "cannot open database '" + path + "': it can only be read");
  }
  sqlite3_busy_timeout(connection->database_, kBusyTimeoutMs);
  sqlite3_wal_hook(connection->database_, note_commit, &connection->committed_pages_);
  return connection;
}

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open_to_read(const std::string& path, bool is_settled) {
  stop_counting_memory();
  if (::access(path.c_str(), R_OK) != 0) return fail_errno(errno, "cannot open database '" + path + "'");
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(path));
  std::string uri = "file:";
  for (const char letter : std::filesystem::absolute(path).string()) {
    // What means something in a URI.
    if (letter == '%' || letter == '?' || letter == '#') {
      uri.append("%").append(to_hex(as_bytes(std::string_view(&letter, 1))));
    } else {
      uri.push_back(letter);
    }
  }
  if (is_settled) uri += "?immutable=1";
  const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (const int code = sqlite3_open_v2(uri.c_str(), &connection->database_, flags, nullptr); code != SQLITE_OK) {
    return connection->failure("open to read", code);
  }
  sqlite3_busy_timeout(connection->database_, kBusyTimeoutMs);
  return connection;
}

SqliteConnection::~SqliteConnection() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(database_);
}

Status SqliteConnection::execute(const Sql& sql) {
  const int code = sqlite3_exec(database_, sql.text, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failure(sql.purpose, code);
  return {};
}

bool SqliteConnection::is_in_transaction() const { return sqlite3_get_autocommit(database_) == 0; }
int64_t SqliteConnection::changed_rows() const { return sqlite3_changes64(database_); }
int64_t SqliteConnection::all_changed_rows() const { return sqlite3_total_changes64(database_); }
int64_t SqliteConnection::last_inserted_id() const { return sqlite3_last_insert_rowid(database_); }

int SqliteConnection::take_committed_pages() { return std::exchange(committed_pages_, 0); }

Status SqliteConnection::checkpoint() {
  const int code = sqlite3_wal_checkpoint_v2(database_, "main", SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) return failure("write back the log", code);
  return {};
}

Status SqliteConnection::sync_log() {
  sqlite3_file* log = nullptr;
  const int found = sqlite3_file_control(database_, "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void*>(&log));
  if (found != SQLITE_OK) return failure("find the log", found);
  if (log == nullptr || log->pMethods == nullptr) return {};
  const int code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
  if (code != SQLITE_OK) return failure("sync the log", code);
  return {};
}

std::unexpected<Error> SqliteConnection::failure(std::string_view purpose, int code) const {
  const int primary = code & 0xff;
  // The system's own number is about input and output only, and else left from an earlier call.
  const bool is_of_system = database_ != nullptr && (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN);
  const int errno_value = is_of_system ? sqlite3_system_errno(database_) : 0;
  std::string message("cannot ");
  message.append(purpose).append(" in database '").append(path_).append("': ");
  const bool is_latest = database_ != nullptr && sqlite3_extended_errcode(database_) == code;
  message.append(is_latest ? sqlite3_errmsg(database_) : sqlite3_errstr(code));
  if (errno_value != 0) message.append(", ").append(std::strerror(errno_value));  // NOLINT(concurrency-mt-unsafe)
  message.append(" (SQLite code ").append(std::to_string(code)).append(")");
  return fail(code_of(primary, errno_value), std::move(message));
}

Result<sqlite3_stmt*> SqliteConnection::compiled(const Sql& sql) {
  const auto known = statements_.find(&sql);
  if (known != statements_.end()) return known->second;
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(database_, sql.text, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return failure(sql.purpose, code);
  statements_.emplace(&sql, statement);
  return statement;
}

void SqliteQuery::prepare() {
  auto statement = connection_.compiled(sql_);
  if (!statement) {
    failure_ = std::move(statement).error();
    return;
  }
  statement_ = *statement;
  LB_ASSERT(sqlite3_stmt_busy(statement_) == 0);
}

SqliteQuery::~SqliteQuery() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

void SqliteQuery::note(int code) {
  if (code == SQLITE_OK || failure_) return;
  failure_ = connection_.failure(sql_.purpose, code).error();
}

void SqliteQuery::bind_integer(int64_t value) {
  if (statement_ != nullptr) note(sqlite3_bind_int64(statement_, ++parameter_, value));
}

void SqliteQuery::bind_null() {
  if (statement_ != nullptr) note(sqlite3_bind_null(statement_, ++parameter_));
}

void SqliteQuery::bind(std::string_view value) {
  if (statement_ == nullptr) return;
  // A view of nothing may have no address, and that would be NULL.
  const char* const bytes = value.empty() ? "" : value.data();
  note(sqlite3_bind_text64(statement_, ++parameter_, bytes, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

void SqliteQuery::bind(const oci::Digest& value) {
  if (statement_ == nullptr) return;
  std::array<std::byte, 65> key{};
  key[0] = value.algorithm() == HashAlgorithm::sha256 ? kSha256 : kSha512;
  const ByteView raw = value.raw();
  std::memcpy(key.data() + 1, raw.data(), raw.size());
  note(sqlite3_bind_blob64(statement_, ++parameter_, key.data(), raw.size() + 1, SQLITE_TRANSIENT));
}

void SqliteQuery::bind(const std::optional<oci::Digest>& value) {
  if (value) {
    bind(*value);
  } else {
    bind_null();
  }
}

void SqliteQuery::bind(const std::optional<int64_t>& value) {
  if (value) {
    bind_integer(*value);
  } else {
    bind_null();
  }
}

Result<bool> SqliteQuery::next() {
  if (failure_) return std::unexpected(*failure_);
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return connection_.failure(sql_.purpose, code);
}

Status SqliteQuery::run() {
  for (;;) {
    LB_TRY(const bool has_row, next());
    if (!has_row) return {};
  }
}

bool SqliteQuery::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
int64_t SqliteQuery::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string SqliteQuery::text(int column) const {
  // As bytes: as text it would be copied first, to end it with a zero.
  const auto* const bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Result<oci::Digest> SqliteQuery::digest(int column) const {
  const auto* const bytes = static_cast<const std::byte*>(sqlite3_column_blob(statement_, column));
  const ByteView key(bytes, bytes == nullptr ? 0 : static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
  if (key.size() == 33 && key[0] == kSha256) return oci::Digest::of_raw(HashAlgorithm::sha256, key.subspan(1));
  if (key.size() == 65 && key[0] == kSha512) return oci::Digest::of_raw(HashAlgorithm::sha512, key.subspan(1));
  return fail(ErrorCode::corrupt, std::string("cannot ") + sql_.purpose + " in database '" + connection_.path() +
                                      "': a column holds no digest (got " + std::to_string(key.size()) + " bytes)");
}

Result<std::optional<oci::Digest>> SqliteQuery::optional_digest(int column) const {
  if (is_null(column)) return std::nullopt;
  LB_TRY(oci::Digest value, digest(column));
  return value;
}

}  // namespace lifeboat::meta
