#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "blob/store.h"
#include "meta/store.h"
#include "oci/manifest.h"
#include "test/support/blob_rig.h"
#include "test/support/run.h"

/// Small images as registries have them, for tests that need more than one manifest.
namespace lifeboat::test {

struct Image {
  std::string manifest;
  std::string config;
  std::vector<std::string> layers;
};

inline std::string descriptor_of(std::string_view bytes, std::string_view media_type, std::string_view more = "") {
  return R"({"mediaType":")" + std::string(media_type) + R"(","digest":")" + sha256_of(bytes).to_string() +
         R"(","size":)" + std::to_string(bytes.size()) + std::string(more) + "}";
}

/// An image whose content begins with `name`; `subject`: the manifest it speaks of, "" for none.
inline Image image_of(const std::string& name, int layers, std::string_view subject = "") {
  Image image;
  image.config = R"({"of":")" + name + R"("})";
  std::string listed;
  for (int i = 0; i < layers; ++i) {
    image.layers.push_back(name + " layer " + std::to_string(i) + std::string(200, 'x'));
    listed += (i == 0 ? "" : ",") + descriptor_of(image.layers.back(), "application/vnd.oci.image.layer.v1.tar");
  }
  image.manifest = R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":)" +
                   descriptor_of(image.config, "application/vnd.oci.image.config.v1+json") + R"(,"layers":[)" + listed +
                   "]";
  if (!subject.empty()) {
    image.manifest += R"(,"subject":)" + descriptor_of(subject, "application/vnd.oci.image.manifest.v1+json");
  }
  image.manifest += "}";
  return image;
}

struct IndexChild {
  std::string manifest;
  std::string platform;  ///< "linux/amd64", "" for none
};
inline std::string index_of(const std::vector<IndexChild>& children) {
  std::string listed;
  for (const IndexChild& child : children) {
    std::string platform;
    if (const std::size_t slash = child.platform.find('/'); slash != std::string::npos) {
      platform = R"(,"platform":{"os":")" + child.platform.substr(0, slash) + R"(","architecture":")" +
                 child.platform.substr(slash + 1) + R"("})";
    }
    const bool is_index = child.manifest.find(R"("manifests":)") != std::string::npos;
    listed += (listed.empty() ? "" : ",") +
              descriptor_of(child.manifest, is_index ? oci::kOciIndex : oci::kOciManifest, platform);
  }
  return R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)" + listed + "]}";
}

/// Into the stores, as a fetch leaves it.
inline void keep_blob(blob::Store& blobs, meta::Store& names, const oci::RepositoryId& repository,
                      const std::string& bytes) {
  LB_ASSERT(run(blobs.put(a_call(), sha256_of(bytes), bytes)).has_value());
  LB_ASSERT(run(names.blobs().add(a_call(), repository, {sha256_of(bytes), bytes.size()})).has_value());
}
inline void keep_manifest(blob::Store& blobs, meta::Store& names, const oci::RepositoryId& repository,
                          const std::string& bytes, const std::vector<std::string>& tags = {}) {
  LB_ASSERT(run(blobs.put(a_call(), sha256_of(bytes), bytes)).has_value());
  const auto manifest = oci::Manifest::parse(as_bytes(bytes), "");
  LB_ASSERT(manifest.has_value());
  meta::ManifestPut put{.repository = repository,
                        .manifest = {.digest = sha256_of(bytes),
                                     .media_type = manifest->media_type.to_string(),
                                     .size_bytes = bytes.size(),
                                     .subject = manifest->subject,
                                     .artifact_type = manifest->artifact_type,
                                     .annotations_json = manifest->annotations_json},
                        .edges = {},
                        .tags = {},
                        .condition = {},
                        .source = "test"};
  if (manifest->config) {
    put.edges.push_back({meta::EdgeKind::config, manifest->config->digest, manifest->config->size_bytes});
  }
  for (const auto& layer : manifest->layers) {
    put.edges.push_back({meta::EdgeKind::layer, layer.digest, layer.size_bytes});
  }
  for (const auto& child : manifest->manifests) {
    put.edges.push_back({meta::EdgeKind::manifest, child.digest, child.size_bytes});
  }
  for (const std::string& tag : tags) put.tags.push_back(oci::Tag::parse(tag).value());
  LB_ASSERT(run(names.manifests().put(a_call(), std::move(put))).has_value());
}

}  // namespace lifeboat::test
