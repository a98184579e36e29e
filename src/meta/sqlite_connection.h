#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/error.h"
#include "base/time.h"
#include "oci/digest.h"

struct sqlite3;
struct sqlite3_stmt;

namespace lifeboat::meta {

/// A statement of ours: what it does, as in "cannot <purpose> in database '…'", and its text. Objects of this type are
/// constants: a connection keeps what it compiled under the object's address.
struct Sql {
  const char* purpose;
  const char* text;
};

/// One connection to a database, with the statements it has compiled. One thread at a time.
class SqliteConnection {
 public:
  /// Opens the file for reading and writing, and creates it when it is not there; the directory must be. no_space when
  /// the file can only be read.
  static Result<std::unique_ptr<SqliteConnection>> open(const std::string& path);
  /// Opens a file that is there for reading alone. `is_settled`: no process has it open and there is no write-ahead
  /// log, so that nothing is made beside it and the medium may be read-only. not_found: there is no such file.
  static Result<std::unique_ptr<SqliteConnection>> open_to_read(const std::string& path, bool is_settled);
  ~SqliteConnection();
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  /// Runs statements that have no parameters and whose rows nobody wants; they are not kept compiled.
  Status execute(const Sql& sql);
  /// False outside of BEGIN … COMMIT; SQLite leaves a transaction by itself after some errors.
  bool is_in_transaction() const;
  /// Rows that the last INSERT, UPDATE or DELETE changed.
  int64_t changed_rows() const;
  /// Rows that were changed since the connection was opened, those that were undone included.
  int64_t all_changed_rows() const;
  int64_t last_inserted_id() const;

  /// After each commit, how many pages the write-ahead log has; 0 when nothing was committed since the last question.
  int take_committed_pages();
  /// Writes the write-ahead log back as far as readers allow, without waiting for them.
  Status checkpoint();
  /// Makes what was committed durable: for commits made with `synchronous` below FULL.
  Status sync_log();

  const std::string& path() const { return path_; }
  /// SQLite's result `code` as an Error: FULL, READONLY and errors of a full or read-only disk → no_space, CORRUPT and
  /// NOTADB → corrupt, BUSY → unavailable, else internal.
  std::unexpected<Error> failure(std::string_view purpose, int code) const;

 private:
  friend class SqliteQuery;
  explicit SqliteConnection(std::string path) : path_(std::move(path)) {}
  Result<sqlite3_stmt*> compiled(const Sql& sql);

  std::string path_;
  sqlite3* database_ = nullptr;
  std::unordered_map<const Sql*, sqlite3_stmt*> statements_;
  int committed_pages_ = 0;
};

/// One run of a statement: parameters in the order of their '?', then rows. Ends with its destructor. Only one run of
/// the same statement at a time.
class SqliteQuery {
 public:
  template <class... Parameters>
  SqliteQuery(SqliteConnection& connection, const Sql& sql, const Parameters&... parameters)
      : connection_(connection), sql_(sql) {
    prepare();
    (bind(parameters), ...);
  }
  ~SqliteQuery();
  SqliteQuery(const SqliteQuery&) = delete;
  SqliteQuery& operator=(const SqliteQuery&) = delete;

  /// True: there is a (further) row. False: no more.
  Result<bool> next();
  /// To the end, whatever rows there are.
  Status run();

  // Columns of the row, from 0.
  bool is_null(int column) const;
  int64_t integer(int column) const;
  bool boolean(int column) const { return integer(column) != 0; }
  WallTime time(int column) const { return WallTime(std::chrono::milliseconds(integer(column))); }
  std::string text(int column) const;
  /// corrupt when it is none.
  Result<oci::Digest> digest(int column) const;
  Result<std::optional<oci::Digest>> optional_digest(int column) const;

 private:
  void prepare();
  void bind_integer(int64_t value);
  void bind_null();
  void bind(std::integral auto value) { bind_integer(static_cast<int64_t>(value)); }
  void bind(WallTime value) { bind_integer(value.time_since_epoch().count()); }
  void bind(std::string_view value);
  void bind(const oci::Digest& value);
  void bind(const std::optional<oci::Digest>& value);
  void bind(const std::optional<int64_t>& value);
  void note(int code);

  SqliteConnection& connection_;
  const Sql& sql_;
  sqlite3_stmt* statement_ = nullptr;
  int parameter_ = 0;
  std::optional<Error> failure_;
};

}  // namespace lifeboat::meta
