#include "registry/archive/index.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "oci/document.h"
#include "registry/archive/format.h"

namespace lifeboat::registry::archive {
namespace {

std::unexpected<Error> no_index(std::string_view path, const std::string& reason) {
  return fail(ErrorCode::invalid, "cannot read '" + std::string(path) + "': " + reason);
}

std::string name_in(const std::string& annotations_json) {
  const auto annotations = nlohmann::json::parse(annotations_json, nullptr, false);
  if (!annotations.is_object()) return "";
  for (const std::string_view key : {kContainerdName, kRefName}) {
    const auto name = annotations.find(key);
    if (name != annotations.end() && name->is_string()) return name->get<std::string>();
  }
  return "";
}

/// False: there is something, and it is no list of texts.
bool read_texts(const nlohmann::json& in, const char* key, std::vector<std::string>& texts) {
  const auto list = in.find(key);
  if (list == in.end() || list->is_null()) return true;
  if (!list->is_array()) return false;
  for (const auto& one : *list) {
    if (!one.is_string()) return false;
    texts.push_back(one.get<std::string>());
  }
  return true;
}

}  // namespace

Result<std::vector<Entry>> read_index(ByteView bytes) {
  auto document = oci::read_document(bytes, oci::ListedAnnotations::kept);
  if (!document) return no_index(kIndexPath, document.error().message());
  if (!document->manifests) return no_index(kIndexPath, "it lists no manifests");
  std::vector<Entry> entries;
  for (oci::ListedDescriptor& listed : *document->manifests) {
    entries.push_back({.name = name_in(listed.annotations_json), .descriptor = std::move(listed.descriptor)});
  }
  return entries;
}

Result<std::vector<DockerEntry>> read_docker_list(ByteView bytes) {
  const auto list = nlohmann::json::parse(as_text(bytes), nullptr, false);
  if (!list.is_array()) return no_index(kDockerPath, "it is no list");
  std::vector<DockerEntry> entries;
  for (const auto& one : list) {
    if (!one.is_object()) return no_index(kDockerPath, "an entry is no object");
    DockerEntry entry;
    const auto config = one.find("Config");
    const bool has_config = config != one.end() && config->is_string();
    if (!has_config || !read_texts(one, "Layers", entry.layers) || !read_texts(one, "RepoTags", entry.tags)) {
      return no_index(kDockerPath, "an entry has no Config, or Layers or RepoTags that are no texts");
    }
    entry.config = config->get<std::string>();
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace lifeboat::registry::archive
