#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/full_reference.h"
#include "oci/manifest.h"
#include "oci/platform.h"

namespace lifeboat::registry::archive {

/// What an archive is to have: its names, the manifests they lead to, and which blobs those need. Pure: whoever gathers
/// it asks for what it wants next.
class Contents {
 public:
  /// `platforms`: of an index only what is for these, and nothing that runs nowhere, such as attestations. Empty: all.
  explicit Contents(std::vector<oci::Platform> platforms) : platforms_(std::move(platforms)) {}

  /// `name` has a host. Its manifest is wanted next, unless it came.
  void add(oci::FullReference name, const oci::Digest& digest);
  /// The manifests to be asked for, in their order, without those given out before.
  std::vector<oci::Digest> take_wanted();
  /// corrupt: other bytes, or not as long as whoever names it says; invalid: no manifest, or an index without one of
  /// the platforms; too_many: there is no end to what it names.
  Status came(const oci::Digest& digest, std::string bytes, std::string_view content_type);

  struct Root {
    oci::FullReference name;
    oci::Digest digest;
  };
  struct Held {
    oci::Digest digest;
    std::string bytes;
    oci::Manifest manifest;
  };
  struct Blob {
    oci::Digest digest;
    uint64_t size_bytes = 0;
  };
  const std::vector<Root>& roots() const { return roots_; }
  const std::vector<Held>& manifests() const { return held_; }  ///< who names another one before it
  const std::vector<Blob>& blobs() const { return blobs_; }     ///< in the order they are named
  const Held* find(const oci::Digest& digest) const;
  /// The manifest that an importer without indexes is given for a name: itself; of an index linux/amd64, or else the
  /// first that runs somewhere. Nothing: it leads to no image, or is nested deeper than verify::kDepthMax.
  const Held* image_of(const oci::Digest& digest) const;

 private:
  const Held* image_below(const oci::Digest& digest, std::size_t level,
                          std::map<oci::Digest, const Held*>& known) const;
  Status want_manifest(const oci::Digest& digest, std::optional<uint64_t> size_bytes);
  Status want_blob(const oci::Digest& digest, uint64_t size_bytes);

  const std::vector<oci::Platform> platforms_;
  std::vector<Root> roots_;
  std::vector<Held> held_;
  std::vector<Blob> blobs_;
  std::vector<oci::Digest> wanted_;
  std::map<oci::Digest, std::optional<uint64_t>> manifest_sizes_;  ///< of all that were ever wanted
  std::map<oci::Digest, uint64_t> blob_sizes_;
};

}  // namespace lifeboat::registry::archive
