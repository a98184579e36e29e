#include "registry/tree/store_tree.h"

#include <algorithm>
#include <utility>

#include "blob/data_directory.h"

namespace lifeboat::registry {
namespace {

void sort_once(std::vector<DigestTable::Id>& ids) {
  std::ranges::sort(ids);
  const auto repeated = std::ranges::unique(ids);
  ids.erase(repeated.begin(), repeated.end());
}

}  // namespace

StoreTree::StoreTree(sys::Path root, sys::FileSystem& files, Opened opened)
    : Tree(files),
      root_(std::move(root)),
      lock_(std::move(opened.lock)),
      names_(std::move(opened.names)),
      is_shared_(opened.is_shared),
      layout_(root_ / "blobs", root_ / "uploads", files) {
  for (meta::SqliteSnapshot::RepositoryRow& row : opened.rows) {
    std::string path = row.path;
    rows_.emplace(std::move(path), std::move(row));
  }
}

Result<std::unique_ptr<StoreTree>> StoreTree::open(const sys::Path& root, sys::FileSystem& files, bool may_share) {
  using Company = meta::SqliteSnapshot::Company;
  Opened opened;
  auto lock = blob::DataDirectory::lock_to_read(root, files);
  opened.is_shared = may_share && !lock && lock.error().code() == ErrorCode::conflict;
  if (!lock && !opened.is_shared) return std::unexpected(std::move(lock).error());
  if (lock) opened.lock = std::move(*lock);
  // SQLite follows links; the disk that was given may not.
  LB_TRY(const sys::FileInfo database, files.info(root / "meta" / "lifeboat.db"));
  if (database.is_directory)
    return fail(ErrorCode::invalid, "cannot open '" + root.native() + "': its database is a directory");
  const Company company = opened.is_shared ? Company::beside_server : Company::alone;
  LB_TRY(opened.names, meta::SqliteSnapshot::open((root / "meta" / "lifeboat.db").string(), company));
  LB_TRY(opened.rows, opened.names->repositories());
  return std::unique_ptr<StoreTree>(new StoreTree(root, files, std::move(opened)));
}

Result<std::vector<std::string>> StoreTree::repositories() {
  std::vector<std::string> found;
  for (const auto& [path, row] : rows_) found.push_back(path);
  return found;
}

Result<TreeRepository> StoreTree::read(const std::string& repository, DigestTable& table) {
  if (!is_shared_) return read_rows(repository, table);
  LB_CHECK(names_->begin());
  auto found = read_rows(repository, table);
  LB_CHECK(names_->end());
  return found;
}

Result<TreeRepository> StoreTree::read_rows(const std::string& repository, DigestTable& table) {
  const auto row = rows_.find(repository);
  if (row == rows_.end()) {
    return fail(ErrorCode::not_found,
                "cannot read repository '" + repository + "': the database has none of that name");
  }
  TreeRepository found{.name = repository, .is_cache = !row->second.id.is_hosted()};
  const int64_t number = row->second.number;
  LB_CHECK(names_->tags(number, [&](std::string tag, const oci::Digest& digest) {
    found.tags.push_back({.name = std::move(tag), .target = table.id_of(digest)});
  }));
  LB_CHECK(
      names_->manifests(number, [&](const oci::Digest& digest) { found.manifests.push_back(table.id_of(digest)); }));
  LB_CHECK(names_->blobs(number, [&](const oci::Digest& digest) { found.blobs.push_back(table.id_of(digest)); }));
  sort_once(found.manifests);
  sort_once(found.blobs);
  return found;
}

/// What read() found is all there was at that moment.
LinkState StoreTree::link(const std::string& /*repository*/, LinkKind /*kind*/, const oci::Digest& /*digest*/) {
  return {LinkState::Fault::absent};
}

Status StoreTree::for_each_content(const std::function<void(const oci::Digest&)>& take) {
  return layout_.for_each_content(take);
}

Result<std::vector<Finding>> StoreTree::differences(DigestTable& table) {
  std::vector<bool> has_row;
  LB_CHECK(names_->contents([&](const oci::Digest& digest) {
    const DigestTable::Id id = table.id_of(digest);
    if (has_row.size() <= id) has_row.resize(std::max<std::size_t>(table.size(), std::size_t{2} * id + 1));
    has_row[id] = true;
  }));
  std::vector<Finding> findings;
  LB_CHECK(layout_.for_each_content([&](const oci::Digest& digest) {
    const auto id = table.find(digest);
    if (id && *id < has_row.size() && has_row[*id]) return;
    Finding finding{.kind = FindingKind::bytes_without_row, .severity = Severity::note};
    finding.digest = digest;
    findings.push_back(std::move(finding));
  }));
  LB_TRY(const uint64_t dangling, names_->dangling_edges([&](const oci::Digest& parent) {
    Finding finding{.kind = FindingKind::dangling_edge, .severity = Severity::untidy};
    finding.digest = parent;
    finding.detail = "an edge of it has no content";
    findings.push_back(std::move(finding));
  }));
  const auto told = static_cast<uint64_t>(std::ranges::count(findings, FindingKind::dangling_edge, &Finding::kind));
  if (dangling > told) {
    Finding finding{.kind = FindingKind::dangling_edge, .severity = Severity::untidy};
    finding.detail = "edges of what the database does not know: " + std::to_string(dangling - told);
    findings.push_back(std::move(finding));
  }
  return findings;
}

Result<std::vector<TreeUpload>> StoreTree::uploads() {
  LB_TRY(const auto entries, files().list(root_ / "uploads"));
  std::vector<TreeUpload> found;
  for (const sys::DirectoryEntry& entry : entries) {
    const auto info = files().info(root_ / "uploads" / entry.name);
    if (info) found.push_back({.id = entry.name, .modified = info->modified});
  }
  return found;
}

}  // namespace lifeboat::registry
