#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "oci/digest.h"
#include "oci/repository_id.h"

namespace lifeboat::meta {

class SqliteConnection;

/// All that is in a database, to be compared with what else is true; for the tools that run while no server does, or
/// beside one that does.
/// Nothing is written, not even a schema brought up to date. Rows come one by one: a hundred thousand of them cost no
/// memory here. One thread at a time. Everything blocks. Errors as of SqliteStore.
class SqliteSnapshot {
 public:
  /// alone: nobody writes while this lives, and all of it is one moment. beside_server: only what is read between
  /// begin() and end() is; the server's log of writes grows meanwhile, so that should not be long.
  enum class Company { alone, beside_server };
  /// not_found: there is no such file.
  static Result<std::unique_ptr<SqliteSnapshot>> open(const std::string& path, Company company = Company::alone);
  Status begin();
  Status end();
  ~SqliteSnapshot();
  SqliteSnapshot(const SqliteSnapshot&) = delete;
  SqliteSnapshot& operator=(const SqliteSnapshot&) = delete;

  struct RepositoryRow {
    int64_t number = 0;
    oci::RepositoryId id;
    std::string path{};  ///< oci::RepositoryId::to_string()
  };
  /// In bytewise order of their paths; those without content too.
  Result<std::vector<RepositoryRow>> repositories();

  using TakeTag = std::function<void(std::string tag, const oci::Digest& digest)>;
  using TakeDigest = std::function<void(const oci::Digest& digest)>;
  Status tags(int64_t repository, const TakeTag& take);
  /// Digests that the repository has a manifest for.
  Status manifests(int64_t repository, const TakeDigest& take);
  /// Digests that the repository may serve as a blob (BlobIndex::find): linked, or named by a manifest of it. May
  /// repeat.
  Status blobs(int64_t repository, const TakeDigest& take);
  /// Everything that should have bytes: recorded blobs and manifests. May repeat.
  Status contents(const TakeDigest& take);
  /// Edges whose parent is no manifest, or whose child the database has no digest for: how many, and the parents.
  Result<uint64_t> dangling_edges(const TakeDigest& take_parent);

 private:
  explicit SqliteSnapshot(std::unique_ptr<SqliteConnection> connection);
  std::unique_ptr<SqliteConnection> connection_;
};

}  // namespace lifeboat::meta
