#include "test/gc/catalogue.h"

#include "test/support/image.h"

namespace lifeboat::gc {
namespace {

Catalogue::Manifest image(const std::vector<std::string>& all, std::vector<std::size_t> blobs,
                          std::string_view subject = "") {
  std::string layers;
  for (std::size_t i = 1; i < blobs.size(); ++i) {
    layers += (i == 1 ? "" : ",") + test::descriptor_of(all[blobs[i]], "application/vnd.oci.image.layer.v1.tar");
  }
  std::string bytes = R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":)" +
                      test::descriptor_of(all[blobs[0]], "application/vnd.oci.image.config.v1+json") +
                      R"(,"layers":[)" + layers + "]";
  if (!subject.empty()) {
    bytes += R"(,"subject":)" + test::descriptor_of(subject, "application/vnd.oci.image.manifest.v1+json");
  }
  bytes += "}";
  const oci::Digest digest = test::sha256_of(bytes);
  return {.bytes = std::move(bytes), .digest = digest, .blobs = std::move(blobs)};
}

Catalogue::Manifest index(const std::vector<Catalogue::Manifest>& all, std::vector<std::size_t> children) {
  std::vector<test::IndexChild> listed;
  for (const std::size_t child : children) listed.push_back({all[child].bytes, "linux/amd64"});
  std::string bytes = test::index_of(listed);
  const oci::Digest digest = test::sha256_of(bytes);
  return {.bytes = std::move(bytes), .digest = digest, .children = std::move(children)};
}

}  // namespace

Catalogue Catalogue::make() {
  Catalogue all;
  for (int i = 0; i < 5; ++i) all.blobs.push_back("blob " + std::to_string(i) + std::string(20, '.'));
  all.manifests.push_back(image(all.blobs, {0, 1, 2}));
  all.manifests.push_back(image(all.blobs, {0, 3}));
  all.manifests.push_back(image(all.blobs, {4, 1}));
  all.manifests.push_back(image(all.blobs, {3}, all.manifests[0].bytes));
  all.manifests.push_back(index(all.manifests, {0, 1}));
  all.manifests.push_back(index(all.manifests, {1, 2}));
  return all;
}

}  // namespace lifeboat::gc
