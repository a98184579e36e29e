#include "registry/archive/format.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace lifeboat::registry::archive {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kTarBlockBytes = 512;
/// A tar header has room for names of this length; a longer one takes a header, a block and a header more.
constexpr std::size_t kTarNameMax = 100;
/// And for lengths that eleven digits to the base of eight can tell, else in the same way.
constexpr uint64_t kTarSizeMaxBytes = (uint64_t{1} << 33) - 1;

std::string name_by_digest(const Contents::Root& root) {
  return oci::FullReference{root.name.host, root.name.repository, oci::Reference(root.digest)}.to_string();
}

std::string index_of(const Contents& contents, NamedBy named_by) {
  Json listed = Json::array();
  std::vector<std::string> told;
  const auto tell = [&](const Contents::Root& root, const std::string& name) {
    if (std::ranges::find(told, name) != told.end()) return;
    told.push_back(name);
    const Contents::Held& held = *contents.find(root.digest);
    listed.push_back(Json{{"mediaType", held.manifest.media_type.to_string()},
                          {"digest", root.digest.to_string()},
                          {"size", held.bytes.size()},
                          {"annotations", {{kContainerdName, name}, {kRefName, name}}}});
  };
  for (const Contents::Root& root : contents.roots()) {
    tell(root, root.name.to_string());
    if (named_by == NamedBy::tag_and_digest) tell(root, name_by_digest(root));
  }
  return Json{{"schemaVersion", 2}, {"mediaType", oci::kOciIndex}, {"manifests", std::move(listed)}}.dump();
}

/// Docker's list: of each image its config, its layers from the bottom, and its tags.
std::string docker_list_of(const Contents& contents) {
  std::vector<std::pair<const Contents::Held*, Json>> images;
  for (const Contents::Root& root : contents.roots()) {
    const Contents::Held* image = contents.image_of(root.digest);
    if (image == nullptr) continue;
    auto at = std::ranges::find(images, image, [](const auto& one) { return one.first; });
    if (at == images.end()) at = images.insert(images.end(), {image, Json::array()});
    if (root.name.reference.tag() != nullptr) at->second.push_back(root.name.to_string());
  }
  Json list = Json::array();
  for (auto& [image, tags] : images) {
    Json layers = Json::array();
    for (const oci::Descriptor& layer : image->manifest.layers) layers.push_back(path_of(layer.digest));
    list.push_back(Json{{"Config", path_of(image->manifest.config->digest)},
                        {"RepoTags", std::move(tags)},
                        {"Layers", std::move(layers)}});
  }
  return list.dump();
}

uint64_t sum_of(uint64_t one, uint64_t other) {
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  return other > kMax - one ? kMax : one + other;
}

uint64_t rounded_up(uint64_t bytes) {
  const uint64_t rest = bytes % kTarBlockBytes;
  return rest == 0 ? bytes : sum_of(bytes, kTarBlockBytes - rest);
}

}  // namespace

std::string path_of(const oci::Digest& digest) {
  return "blobs/" + std::string(digest.algorithm_name()) + "/" + digest.hex();
}

std::vector<Member> members_of(const Contents& contents, NamedBy named_by) {
  std::vector<Member> members;
  const auto add = [&](std::string path, std::string bytes) {
    const uint64_t size = bytes.size();
    members.push_back({.path = std::move(path), .size_bytes = size, .bytes = std::move(bytes)});
  };
  add(std::string(kLayoutPath), R"({"imageLayoutVersion":"1.0.0"})");
  add(std::string(kIndexPath), index_of(contents, named_by));
  add(std::string(kDockerPath), docker_list_of(contents));
  for (const Contents::Held& held : contents.manifests()) add(path_of(held.digest), held.bytes);
  for (const Contents::Blob& blob : contents.blobs()) {
    if (contents.find(blob.digest) != nullptr) continue;
    members.push_back({.path = path_of(blob.digest), .size_bytes = blob.size_bytes, .blob = blob.digest});
  }
  return members;
}

uint64_t tar_size_of(const std::vector<Member>& members) {
  uint64_t size = 2 * kTarBlockBytes;  // the end
  for (const Member& member : members) {
    const bool has_more = member.path.size() > kTarNameMax || member.size_bytes > kTarSizeMaxBytes;
    size = sum_of(size, (has_more ? 3 : 1) * kTarBlockBytes);
    size = sum_of(size, rounded_up(member.size_bytes));
  }
  return size;
}

}  // namespace lifeboat::registry::archive
