#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "registry/archive/contents.h"

/// The tar that `ctr images import`, `docker load`, `podman load` and skopeo all take: an OCI image layout (image-spec
/// image-layout.md), and Docker's manifest.json that points into its blobs. The same contents give the same files in
/// the same order. Pure.
namespace lifeboat::registry::archive {

enum class NamedBy {
  tag,             ///< an importer that takes the one image of an archive keeps its digest, as podman does
  tag_and_digest,  ///< containerd also knows each as NAME@DIGEST, which pods may ask for
};

struct Member {
  std::string path;
  uint64_t size_bytes = 0;
  std::optional<oci::Digest> blob{};  ///< whose bytes it has; nothing: `bytes`
  std::string bytes{};
};

/// What is told first, then manifests, then blobs.
std::vector<Member> members_of(const Contents& contents, NamedBy named_by);
/// How long a plain tar of these is; the greatest number when that cannot be told.
uint64_t tar_size_of(const std::vector<Member>& members);
/// "blobs/sha256/0123…"
std::string path_of(const oci::Digest& digest);

inline constexpr std::string_view kLayoutPath = "oci-layout";
inline constexpr std::string_view kIndexPath = "index.json";
inline constexpr std::string_view kDockerPath = "manifest.json";
/// The annotations by which importers find a name.
inline constexpr std::string_view kRefName = "org.opencontainers.image.ref.name";
inline constexpr std::string_view kContainerdName = "io.containerd.image.name";

}  // namespace lifeboat::registry::archive
