#include "registry/copy/layout_index.h"

#include <functional>
#include <nlohmann/json.hpp>

namespace lifeboat::registry::copy {
namespace {

using Json = nlohmann::ordered_json;
constexpr const char* kRefName = "org.opencontainers.image.ref.name";
/// What is written out again goes as deep on the stack.
constexpr int kLevelsMax = 64;

Result<Json> read(std::string_view index) {
  if (index.empty()) return Json{{"schemaVersion", 2}, {"mediaType", oci::kOciIndex}, {"manifests", Json::array()}};
  bool is_too_deep = false;
  const auto look = [&](int level, Json::parse_event_t, const Json&) {
    is_too_deep = is_too_deep || level > kLevelsMax;
    return !is_too_deep;
  };
  Json document = Json::parse(index, look, false);
  if (is_too_deep) {
    return fail(ErrorCode::invalid, "cannot read index.json: it is nested too deeply (want at most " +
                                        std::to_string(kLevelsMax) + " levels)");
  }
  const bool is_index = document.is_object() && document.contains("manifests") && document["manifests"].is_array();
  if (is_index) return document;
  return fail(ErrorCode::invalid, "cannot read index.json: it is no index of manifests");
}

std::string text_of(const Json& object, const char* name) {
  if (!object.is_object()) return "";
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string name_of(const Json& entry) {
  if (!entry.is_object() || !entry.contains("annotations")) return "";
  return text_of(entry["annotations"], kRefName);
}

Result<std::string> without(std::string_view index, const std::function<bool(const Json&)>& goes) {
  LB_TRY(Json document, read(index));
  Json kept = Json::array();
  for (Json& entry : document["manifests"]) {
    if (!goes(entry)) kept.push_back(std::move(entry));
  }
  document["manifests"] = std::move(kept);
  return document.dump();
}

}  // namespace

Result<std::vector<LayoutEntry>> layout_entries(std::string_view index) {
  LB_TRY(const Json document, read(index));
  std::vector<LayoutEntry> entries;
  for (const Json& one : document["manifests"]) {
    const auto type = oci::MediaType::parse(text_of(one, "mediaType"));
    const auto digest = oci::Digest::parse(text_of(one, "digest"));
    if (!type || !digest) continue;
    const auto size = one.find("size");
    const uint64_t bytes = size != one.end() && size->is_number_unsigned() ? size->get<uint64_t>() : 0;
    entries.push_back({.media_type = *type, .digest = *digest, .size_bytes = bytes, .name = name_of(one)});
  }
  return entries;
}

Result<std::string> with_entry(std::string_view index, const LayoutEntry& entry) {
  LB_TRY(Json document, read(index));
  const std::string digest = entry.digest.to_string();
  Json kept = Json::array();
  bool is_listed = false;
  for (Json& one : document["manifests"]) {
    if (!entry.name.empty() && name_of(one) == entry.name) continue;
    is_listed = is_listed || text_of(one, "digest") == digest;
    kept.push_back(std::move(one));
  }
  if (!entry.name.empty() || !is_listed) {
    Json added{{"mediaType", entry.media_type.to_string()}, {"digest", digest}, {"size", entry.size_bytes}};
    if (!entry.name.empty()) added["annotations"] = {{kRefName, entry.name}};
    kept.push_back(std::move(added));
  }
  document["manifests"] = std::move(kept);
  return document.dump();
}

Result<std::string> without_name(std::string_view index, std::string_view name) {
  return without(index, [&](const Json& entry) { return name_of(entry) == name; });
}

Result<std::string> without_digest(std::string_view index, const oci::Digest& digest) {
  const std::string text = digest.to_string();
  return without(index, [&](const Json& entry) { return text_of(entry, "digest") == text; });
}

}  // namespace lifeboat::registry::copy
