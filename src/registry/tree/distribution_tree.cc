#include "registry/tree/distribution_tree.h"

#include <algorithm>
#include <array>
#include <utility>

#include "oci/text.h"
#include "registry/tree/parallel.h"
#include "sys/posix_file.h"

namespace lifeboat::registry {
namespace {

using Fault = LinkState::Fault;

constexpr std::array<std::string_view, 2> kAlgorithms{"sha256", "sha512"};
/// What distribution keeps all content under (digest.Canonical of go-digest).
constexpr HashAlgorithm kCanonical = HashAlgorithm::sha256;
/// The longest digest, and one more to see that there is more.
constexpr std::size_t kLinkMaxBytes = sizeof("sha512:") + 128;

/// No repository has a longer name, so nothing deeper is one.
constexpr std::size_t kNameMaxBytes = 255;

struct LinkText {
  LinkState state{};
  std::optional<oci::Digest> digest{};
};

LinkText read_link(sys::FileSystem& files, const sys::Path& path) {
  const auto file = files.open(path);
  if (!file && file.error().code() == ErrorCode::not_found) return {.state = {Fault::absent}};
  if (!file) return {.state = {Fault::unreadable, file.error().message()}};
  std::array<std::byte, kLinkMaxBytes> buffer{};
  const auto count = (*file)->read_at(0, buffer);
  if (!count) return {.state = {Fault::unreadable, count.error().message()}};
  if (*count == 0) return {.state = {Fault::empty, "it has no bytes"}};
  const std::string_view text = as_text(ByteView(buffer).first(*count));
  const auto digest = oci::Digest::parse(text);
  if (!digest) return {.state = {Fault::malformed, "it says " + oci::quote(text)}};
  return {.digest = *digest};
}

bool is_alias(const oci::Digest& wanted, const oci::Digest& said) {
  return wanted.algorithm() != kCanonical && said.algorithm() == kCanonical;
}

/// As read_link, where the place says what the link should say.
LinkState compare_link(sys::FileSystem& files, const sys::Path& path, LinkKind kind, const oci::Digest& wanted) {
  const LinkText text = read_link(files, path);
  if (!text.digest || *text.digest == wanted) return text.state;
  if (kind == LinkKind::blob && is_alias(wanted, *text.digest)) return {};
  return {Fault::malformed, "it says " + text.digest->to_string()};
}

/// What a missing directory has: nothing.
std::vector<sys::DirectoryEntry> list_if_there(sys::FileSystem& files, const sys::Path& path,
                                               std::vector<Error>& unreadable) {
  auto entries = files.list(path);
  if (entries) return std::move(*entries);
  if (entries.error().code() != ErrorCode::not_found) unreadable.push_back(std::move(entries).error());
  return {};
}

bool has_part(const std::vector<sys::DirectoryEntry>& entries, std::string_view name) {
  return std::ranges::any_of(entries, [&](const auto& entry) { return entry.is_directory && entry.name == name; });
}

std::optional<oci::Digest> digest_of(std::string_view algorithm, std::string_view hex) {
  const auto digest = oci::Digest::parse(std::string(algorithm).append(":").append(hex));
  return digest ? std::optional(*digest) : std::nullopt;
}

}  // namespace

DistributionTree::DistributionTree(sys::Path root, sys::FileSystem& files) : Tree(files), root_(std::move(root)) {}

Result<std::vector<std::string>> DistributionTree::repositories() {
  std::vector<std::string> found;
  std::vector<std::string> folders{""};
  while (!folders.empty()) {
    const std::string folder = std::move(folders.back());
    folders.pop_back();
    auto entries = files().list(folder_of(folder));
    // A registry nothing was pushed to has not even the folder.
    if (!entries && folder.empty() && entries.error().code() == ErrorCode::not_found) continue;
    if (!entries && folder.empty()) return std::unexpected(std::move(entries).error());
    // What cannot be listed cannot be judged: read() says so.
    if (!entries) {
      found.push_back(folder);
      continue;
    }
    if (has_part(*entries, "_manifests") || has_part(*entries, "_layers") || has_part(*entries, "_uploads")) {
      found.push_back(folder);
    }
    for (const sys::DirectoryEntry& entry : *entries) {
      if (!entry.is_directory || entry.name.starts_with('_')) continue;
      std::string below = folder.empty() ? entry.name : folder + "/" + entry.name;
      const bool is_long = below.size() > kNameMaxBytes;
      if (!is_long && !sys::is_symbolic_link(folder_of(below))) {
        folders.push_back(std::move(below));
        continue;
      }
      found.push_back(below);
      not_entered_[below] = is_long ? "it is deeper than the name of any repository" : "it is a symbolic link";
    }
  }
  std::ranges::sort(found);
  return found;
}

Result<TreeRepository> DistributionTree::read(const std::string& repository, DigestTable& table) {
  TreeRepository found{.name = repository};
  if (const auto known = not_entered_.find(repository); known != not_entered_.end()) {
    found.unreadable.emplace_back(
        ErrorCode::invalid, "cannot look into directory '" + folder_of(repository).native() + "': " + known->second);
    return found;
  }
  (void)list_if_there(files(), folder_of(repository), found.unreadable);
  read_tags(folder_of(repository) / "_manifests" / "tags", found, table);
  read_links(LinkKind::manifest, found, table);
  read_links(LinkKind::blob, found, table);
  read_uploads(folder_of(repository) / "_uploads", found);
  return found;
}

void DistributionTree::read_tags(const sys::Path& folder, TreeRepository& found, DigestTable& table) {
  std::vector<sys::DirectoryEntry> entries = list_if_there(files(), folder, found.unreadable);
  std::erase_if(entries, [](const auto& entry) { return !entry.is_directory; });
  std::vector<LinkText> texts(entries.size());
  in_parallel(entries.size(), [&](std::size_t i) {
    texts[i] = read_link(files(), folder.native() + "/" + entries[i].name + "/current/link");
  });
  for (std::size_t i = 0; i < entries.size(); ++i) {
    TreeTag tag{.name = std::move(entries[i].name), .link = std::move(texts[i].state)};
    if (texts[i].digest) tag.target = table.id_of(*texts[i].digest);
    found.tags.push_back(std::move(tag));
  }
  std::ranges::sort(found.tags, {}, &TreeTag::name);
}

void DistributionTree::read_links(LinkKind kind, TreeRepository& found, DigestTable& table) {
  std::vector<DigestTable::Id>& links = kind == LinkKind::manifest ? found.manifests : found.blobs;
  const sys::Path folder = folder_of(found.name) / (kind == LinkKind::manifest ? "_manifests/revisions" : "_layers");
  for (const std::string_view algorithm : kAlgorithms) {
    const auto entries = list_if_there(files(), folder / algorithm, found.unreadable);
    std::vector<std::optional<oci::Digest>> digests(entries.size());
    std::vector<LinkState> states(entries.size());
    in_parallel(entries.size(), [&](std::size_t i) {
      digests[i] = digest_of(algorithm, entries[i].name);
      if (digests[i]) {
        states[i] = compare_link(files(), link_path(found.name, kind, *digests[i]), kind, *digests[i]);
      }
    });
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (!digests[i] || states[i].fault == Fault::absent) continue;
      const DigestTable::Id id = table.id_of(*digests[i]);
      if (states[i].fault == Fault::none) {
        links.push_back(id);
        if (kind == LinkKind::manifest) continue;
        if (const auto kept = kept_as(found.name, *digests[i]); kept != *digests[i]) {
          found.aliases.push_back({id, table.id_of(kept)});
        }
      } else {
        found.bad_links.push_back({kind, id, std::move(states[i])});
      }
    }
  }
  std::ranges::sort(links);
  std::ranges::sort(found.aliases);
}

void DistributionTree::read_uploads(const sys::Path& folder, TreeRepository& found) {
  for (const sys::DirectoryEntry& entry : list_if_there(files(), folder, found.unreadable)) {
    TreeUpload upload{.id = entry.name};
    for (const std::string_view part : {"", "startedat", "data"}) {
      const auto info = files().info(part.empty() ? folder / entry.name : folder / entry.name / part);
      if (info) upload.modified = std::max(upload.modified, info->modified);
    }
    found.uploads.push_back(std::move(upload));
  }
}

// Paths are made of one text: each operator/ of std::filesystem takes both its sides apart, and there are many paths.

sys::Path DistributionTree::content(const oci::Digest& digest) const {
  const std::string hex = digest.hex();
  std::string path = root_.native() + "/blobs/";
  path.append(digest.algorithm_name()).append("/").append(hex, 0, 2).append("/").append(hex).append("/data");
  return path;
}

sys::Path DistributionTree::link_path(const std::string& repository, LinkKind kind, const oci::Digest& digest) const {
  std::string path = root_.native() + "/repositories/" + repository;
  path.append(kind == LinkKind::manifest ? "/_manifests/revisions/" : "/_layers/").append(digest.algorithm_name());
  return path.append("/").append(digest.hex()).append("/link");
}

LinkState DistributionTree::link(const std::string& repository, LinkKind kind, const oci::Digest& digest) {
  return compare_link(files(), link_path(repository, kind, digest), kind, digest);
}

oci::Digest DistributionTree::kept_as(const std::string& repository, const oci::Digest& blob) {
  if (blob.algorithm() == kCanonical) return blob;
  const LinkText text = read_link(files(), link_path(repository, LinkKind::blob, blob));
  return text.digest && is_alias(blob, *text.digest) ? *text.digest : blob;
}

Status DistributionTree::for_each_content(const std::function<void(const oci::Digest&)>& take) {
  for (const std::string_view algorithm : kAlgorithms) {
    const sys::Path folder = root_ / "blobs" / algorithm;
    const auto shards = files().list(folder);
    // A link, which is not followed, is told by whoever names what is behind it.
    if (!shards && (shards.error().code() == ErrorCode::not_found || shards.error().code() == ErrorCode::invalid))
      continue;
    if (!shards) return std::unexpected(shards.error());
    for (const sys::DirectoryEntry& shard : *shards) {
      if (!shard.is_directory || sys::is_symbolic_link(folder / shard.name)) continue;
      LB_TRY(const auto entries, files().list(folder / shard.name));
      for (const sys::DirectoryEntry& entry : entries) {
        if (const auto digest = digest_of(algorithm, entry.name)) take(*digest);
      }
    }
  }
  return {};
}

}  // namespace lifeboat::registry
