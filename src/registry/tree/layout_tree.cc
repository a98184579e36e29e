#include "registry/tree/layout_tree.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "oci/document.h"

namespace lifeboat::registry {
namespace {

constexpr std::array<std::string_view, 2> kAlgorithms{"sha256", "sha512"};
/// A layout with every tag of a large repository.
constexpr uint64_t kIndexMaxBytes = 256 * kMiB;

/// The entry's name, "" for none.
std::string name_in(const std::string& annotations_json) {
  const auto annotations = nlohmann::json::parse(annotations_json, nullptr, false);
  if (!annotations.is_object()) return "";
  const auto name = annotations.find("org.opencontainers.image.ref.name");
  return name != annotations.end() && name->is_string() ? name->get<std::string>() : "";
}

TreeTag tag_of(const std::string& name, const std::vector<DigestTable::Id>& targets, const DigestTable& table) {
  const bool is_one = std::ranges::all_of(targets, [&](DigestTable::Id id) { return id == targets.front(); });
  if (is_one) return {.name = name, .target = targets.front()};
  const std::string detail = "index.json gives the tag to " + table.digest(targets.front()).to_string() +
                             ", which skopeo takes, and to " + table.digest(targets.back()).to_string() +
                             ", which containerd takes";
  return {.name = name, .link = {LinkState::Fault::ambiguous, detail}};
}

Result<std::string> read_index(sys::FileSystem& files, const sys::Path& path) {
  LB_TRY(const auto file, files.open(path));
  LB_TRY(const uint64_t size, file->size());
  if (size > kIndexMaxBytes) {
    return fail(ErrorCode::invalid, "cannot read index '" + path.native() + "': it is too large (got " +
                                        std::to_string(size) + " bytes, want at most " +
                                        std::to_string(kIndexMaxBytes) + ")");
  }
  std::string text(size, '\0');
  LB_TRY(const std::size_t count, file->read_at(0, std::as_writable_bytes(std::span(text))));
  text.resize(count);
  return text;
}

}  // namespace

LayoutTree::LayoutTree(sys::Path root, sys::FileSystem& files) : Tree(files), root_(std::move(root)) {}

Result<std::vector<std::string>> LayoutTree::repositories() { return std::vector<std::string>{""}; }

Result<TreeRepository> LayoutTree::read(const std::string& repository, DigestTable& table) {
  TreeRepository found{.name = repository};
  LB_TRY(const std::string text, read_index(files(), root_ / "index.json"));
  auto index = oci::read_document(as_bytes(text), oci::ListedAnnotations::kept);
  if (!index || !index->manifests) {
    return fail(ErrorCode::invalid, "cannot read index '" + (root_ / "index.json").native() +
                                        "': " + (index ? "it lists no manifests" : index.error().message()));
  }
  std::map<std::string, std::vector<DigestTable::Id>> targets;  ///< by tag, in the order of the index
  for (const oci::ListedDescriptor& entry : *index->manifests) {
    const DigestTable::Id id = table.id_of(entry.descriptor.digest);
    found.manifests.push_back(id);
    found.said_sizes.push_back({id, entry.descriptor.size_bytes});
    const std::string name = name_in(entry.annotations_json);
    if (!name.empty()) targets[name].push_back(id);
  }
  for (const auto& [name, ids] : targets) found.tags.push_back(tag_of(name, ids, table));
  std::ranges::sort(found.manifests);
  const auto repeated = std::ranges::unique(found.manifests);
  found.manifests.erase(repeated.begin(), repeated.end());
  return found;
}

LinkState LayoutTree::link(const std::string& /*repository*/, LinkKind /*kind*/, const oci::Digest& /*digest*/) {
  return {};
}

sys::Path LayoutTree::content(const oci::Digest& digest) const {
  return root_ / "blobs" / digest.algorithm_name() / digest.hex();
}

Status LayoutTree::for_each_content(const std::function<void(const oci::Digest&)>& take) {
  for (const std::string_view algorithm : kAlgorithms) {
    const auto entries = files().list(root_ / "blobs" / algorithm);
    // A link, which is not followed, is told by whoever names what is behind it.
    if (!entries && (entries.error().code() == ErrorCode::not_found || entries.error().code() == ErrorCode::invalid))
      continue;
    if (!entries) return std::unexpected(entries.error());
    for (const sys::DirectoryEntry& entry : *entries) {
      const auto digest = oci::Digest::parse(std::string(algorithm).append(":").append(entry.name));
      if (digest) take(*digest);
    }
  }
  return {};
}

}  // namespace lifeboat::registry
