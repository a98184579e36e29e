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
    return root() / "blobs/sha256" / digest.hex().substr(0, 2) / digest.hex() / "data";
  }
  std::filesystem::path layer(const std::string& repository, const oci::Digest& digest) const {
    return root() / "repositories" / repository / "_layers/sha256" / digest.hex() / "link";
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

 private:
  TemporaryDirectory directory_;
};

}  // namespace lifeboat::test
