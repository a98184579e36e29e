#include "registry/manifest_edges.h"

#include <unordered_set>

namespace lifeboat::registry {

meta::ManifestRecord record_of(const oci::Manifest& manifest, const oci::Digest& digest, std::size_t size_bytes) {
  return {.digest = digest,
          .media_type = manifest.media_type.to_string(),
          .size_bytes = size_bytes,
          .subject = manifest.subject,
          .artifact_type = manifest.artifact_type,
          .annotations_json = manifest.annotations_json};
}

std::vector<meta::Edge> edges_of(const oci::Manifest& manifest) {
  std::vector<meta::Edge> edges;
  std::unordered_set<oci::Digest> seen;
  const auto add = [&](meta::EdgeKind kind, const oci::Descriptor& to) {
    if (seen.insert(to.digest).second) edges.push_back({kind, to.digest, to.size_bytes});
  };
  if (manifest.config) add(meta::EdgeKind::config, *manifest.config);
  for (const oci::Descriptor& layer : manifest.layers) add(meta::EdgeKind::layer, layer);
  for (const oci::Descriptor& child : manifest.manifests) add(meta::EdgeKind::manifest, child);
  return edges;
}

std::vector<meta::Edge> required_edges_of(const oci::Manifest& manifest) {
  std::unordered_set<oci::Digest> required;
  const auto require = [&](const oci::Descriptor& to) {
    if (!to.is_optional) required.insert(to.digest);
  };
  if (manifest.config) require(*manifest.config);
  for (const oci::Descriptor& layer : manifest.layers) require(layer);
  for (const oci::Descriptor& child : manifest.manifests) require(child);
  std::vector<meta::Edge> edges = edges_of(manifest);
  for (meta::Edge& edge : edges) edge.is_required = required.contains(edge.to);
  return edges;
}

std::vector<oci::Digest> blobs_needed_by(const oci::Manifest& manifest) {
  std::vector<oci::Digest> blobs;
  if (manifest.config && !manifest.config->is_optional) blobs.push_back(manifest.config->digest);
  for (const oci::Descriptor& layer : manifest.layers) {
    if (!layer.is_optional) blobs.push_back(layer.digest);
  }
  return blobs;
}

}  // namespace lifeboat::registry
