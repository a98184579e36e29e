#include <string>

#include "fuzz.h"
#include "oci/manifest.h"

using namespace lifeboat;

namespace {

void check_descriptor(const oci::Descriptor& descriptor) {
  LB_ASSERT(oci::MediaType::parse(descriptor.media_type.to_string()) == descriptor.media_type);
  LB_ASSERT(oci::Digest::parse(descriptor.digest.to_string()) == descriptor.digest);
  LB_ASSERT(descriptor.size_bytes <= INT64_MAX);
}

void append_descriptor(std::string& out, const oci::Descriptor& descriptor) {
  out.append(R"({"mediaType":")").append(descriptor.media_type.to_string());
  out.append(R"(","digest":")").append(descriptor.digest.to_string());
  out.append(R"(","size":)").append(std::to_string(descriptor.size_bytes)).append("}");
}

void append_list(std::string& out, std::string_view name, const std::vector<oci::Descriptor>& descriptors) {
  out.append(",\"").append(name).append("\":[");
  for (const auto& descriptor : descriptors) {
    if (out.back() == '}') out.push_back(',');
    append_descriptor(out, descriptor);
  }
  out.push_back(']');
}

/// The document as we understood it.
std::string render(const oci::Manifest& manifest) {
  std::string out = R"({"schemaVersion":2,"mediaType":")";
  out.append(manifest.media_type.to_string()).append("\"");
  if (manifest.is_index()) append_list(out, "manifests", manifest.manifests);
  if (manifest.config) {
    out.append(R"(,"config":)");
    append_descriptor(out, *manifest.config);
    append_list(out, "layers", manifest.layers);
  }
  if (!manifest.annotations_json.empty()) out.append(R"(,"annotations":)").append(manifest.annotations_json);
  out.push_back('}');
  return out;
}

bool same(const std::vector<oci::Descriptor>& one, const std::vector<oci::Descriptor>& other) {
  if (one.size() != other.size()) return false;
  for (std::size_t i = 0; i < one.size(); ++i) {
    if (one[i].digest != other[i].digest || one[i].media_type != other[i].media_type ||
        one[i].size_bytes != other[i].size_bytes) {
      return false;
    }
  }
  return true;
}

}  // namespace

LB_FUZZ(text) {
  const auto manifest = oci::Manifest::parse(as_bytes(text), "");
  if (!manifest) {
    LB_ASSERT(manifest.error().code() == ErrorCode::invalid);
    LB_ASSERT(manifest.error().message().size() < 500);
    return;
  }
  LB_ASSERT(manifest->media_type.is_manifest() != manifest->media_type.is_index());
  LB_ASSERT(manifest->is_index() ? !manifest->config && manifest->layers.empty() : manifest->manifests.empty());
  if (manifest->config) check_descriptor(*manifest->config);
  for (const auto& layer : manifest->layers) check_descriptor(layer);
  for (const auto& child : manifest->manifests) check_descriptor(child);

  const std::string rendered = render(*manifest);
  const auto again = oci::Manifest::parse(as_bytes(rendered), manifest->media_type.to_string());
  LB_ASSERT(again.has_value());
  LB_ASSERT(same(again->layers, manifest->layers) && same(again->manifests, manifest->manifests));
  LB_ASSERT(again->config.has_value() == manifest->config.has_value());
  LB_ASSERT(again->annotations_json == manifest->annotations_json);
  LB_ASSERT(render(*again) == rendered);
}
