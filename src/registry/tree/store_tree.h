#pragma once

#include <map>
#include <memory>
#include <vector>

#include "blob/fs_layout.h"
#include "meta/sqlite_snapshot.h"
#include "registry/tree/finding.h"
#include "registry/tree/tree.h"

namespace lifeboat::registry {

/// A data directory of ours. Links are the rows of its database; a repository of an upstream
/// is a cache, of which parts may be missing.
class StoreTree final : public Tree {
 public:
  /// Takes the directory's lock for as long as this lives: what is read cannot change. Where a process has it, and
  /// `may_share`, it is read beside that one, and changes meanwhile: each repository is read as it is at one moment.
  /// conflict: a process has it, and the message says which; invalid: no data directory, or one of a newer format.
  /// `files` outlives this.
  static Result<std::unique_ptr<StoreTree>> open(const sys::Path& root, sys::FileSystem& files, bool may_share);
  /// A server runs on it: what has been read may be gone in a moment, with its names.
  bool is_shared() const { return is_shared_; }

  TreeKind kind() const override { return TreeKind::lifeboat; }
  Result<std::vector<std::string>> repositories() override;
  Result<TreeRepository> read(const std::string& repository, DigestTable& table) override;
  LinkState link(const std::string& repository, LinkKind kind, const oci::Digest& digest) override;
  sys::Path content(const oci::Digest& digest) const override { return layout_.content(digest); }
  Status for_each_content(const std::function<void(const oci::Digest&)>& take) override;

  /// Where the two truths differ beside what names suffer from: bytes without a row, and edges that lead nowhere.
  Result<std::vector<Finding>> differences(DigestTable& table);
  /// Upload sessions and fetches that somebody may yet go on with.
  Result<std::vector<TreeUpload>> uploads();

  const sys::Path& root() const { return root_; }

 private:
  struct Opened {
    std::unique_ptr<sys::FileLock> lock{};
    std::unique_ptr<meta::SqliteSnapshot> names{};
    std::vector<meta::SqliteSnapshot::RepositoryRow> rows{};
    bool is_shared = false;
  };
  StoreTree(sys::Path root, sys::FileSystem& files, Opened opened);
  Result<TreeRepository> read_rows(const std::string& repository, DigestTable& table);

  const sys::Path root_;
  const std::unique_ptr<sys::FileLock> lock_;
  const std::unique_ptr<meta::SqliteSnapshot> names_;
  const bool is_shared_;
  const blob::FsLayout layout_;
  std::map<std::string, meta::SqliteSnapshot::RepositoryRow> rows_;
};

}  // namespace lifeboat::registry
