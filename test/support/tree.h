#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "test/support/image.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::test {

/// What docker-registry leaves on a disk, made by hand.
class DistributionFiles {
 public:
  std::filesystem::path root() const { return directory_.path(); }
  std::filesystem::path blob(const oci::Digest& digest) const {
    return root() / "blobs" / digest.algorithm_name() / digest.hex().substr(0, 2) / digest.hex() / "data";
  }
  std::filesystem::path layer(const std::string& repository, const oci::Digest& digest) const {
    return root() / "repositories" / repository / "_layers" / digest.algorithm_name() / digest.hex() / "link";
  }
  std::filesystem::path revision(const std::string& repository, const oci::Digest& digest) const {
    return root() / "repositories" / repository / "_manifests/revisions/sha256" / digest.hex() / "link";
  }
  std::filesystem::path tag(const std::string& repository, const std::string& name) const {
    return root() / "repositories" / repository / "_manifests/tags" / name / "current/link";
  }

  static void write(const std::filesystem::path& path, const std::string& bytes) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
  }
  void push_blob(const std::string& repository, const std::string& bytes) const {
    write(blob(sha256_of(bytes)), bytes);
    write(layer(repository, sha256_of(bytes)), sha256_of(bytes).to_string());
  }
  void push_manifest(const std::string& repository, const std::string& bytes, const std::string& tag_name = "") const {
    write(blob(sha256_of(bytes)), bytes);
    write(revision(repository, sha256_of(bytes)), sha256_of(bytes).to_string());
    if (!tag_name.empty()) write(tag(repository, tag_name), sha256_of(bytes).to_string());
  }
  void push(const std::string& repository, const Image& image, const std::string& tag_name = "") const {
    push_blob(repository, image.config);
    for (const std::string& one : image.layers) push_blob(repository, one);
    push_manifest(repository, image.manifest, tag_name);
  }
  /// An image whose one layer came by its sha512: distribution keeps it under its sha256 and makes two links.
  Image push_by_sha512(const std::string& repository, const std::string& tag_name) const {
    Image image = image_of("by sha512", 1);
    const std::string usual = sha256_of(image.layers[0]).to_string();
    const oci::Digest named = sha512_of(image.layers[0]);
    image.manifest.replace(image.manifest.find(usual), usual.size(), named.to_string());
    push(repository, image, tag_name);
    write(layer(repository, named), usual);
    return image;
  }
  static oci::Digest sha512_of(const std::string& bytes) {
    return oci::Digest::of(HashAlgorithm::sha512, as_bytes(bytes));
  }

 private:
  TemporaryDirectory directory_;
};

}  // namespace lifeboat::test
