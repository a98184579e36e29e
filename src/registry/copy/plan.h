#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "blob/destination.h"
#include "oci/manifest.h"
#include "oci/platform.h"
#include "oci/reference.h"

/// What a copy consists of. Values and pure functions.
namespace lifeboat::registry::copy {

/// No further manifests below a name.
inline constexpr std::size_t kDepthMax = 16;

/// What of a manifest is copied with it.
struct Parts {
  std::vector<oci::Descriptor> manifests{};  ///< children
  std::vector<oci::Descriptor> blobs{};      ///< config, layers, and what else an index lists
  std::vector<oci::Platform> lacking{};      ///< wanted, and an index has nothing for them
};
/// `platforms` empty: all. Else of an index the children for them, and nothing that runs nowhere, such as attestations:
/// the index keeps its bytes, and names more than is copied.
Parts parts_of(const oci::Manifest& manifest, const std::vector<oci::Platform>& platforms);

struct PlannedBlob {
  blob::BlobName name;
  bool is_optional = false;  ///< may stay elsewhere (W55): copied when the source has it
};

struct Planned {
  blob::ManifestToPut manifest;
  std::optional<oci::Digest> subject{};
};

struct Plan {
  oci::Digest root;
  std::vector<Planned> manifests{};  ///< what one names is before it, and what refers to one is behind it
  std::vector<PlannedBlob> blobs{};  ///< each once
  /// Tags by which older tools attach signatures to a digest, and what they mean.
  std::vector<std::pair<oci::Tag, oci::Digest>> attached{};
  bool is_sparse = false;                        ///< an index of it names what is not copied
  std::vector<oci::Digest> missing_referrers{};  ///< the source lists them, and has them not
  uint64_t bytes() const;                        ///< of the blobs
};

/// A manifest as it came from the source.
struct Found {
  std::string bytes{};
  oci::Manifest manifest;
  std::vector<oci::Digest> referrers{};
};
struct Finds {
  oci::Digest root;
  std::map<oci::Digest, Found> manifests{};
  std::vector<std::pair<oci::Tag, oci::Digest>> attached{};
};
/// All that is wanted has been found.
Plan plan_of(Finds finds, const std::vector<oci::Platform>& platforms);

/// The names under which cosign keeps what belongs to a digest where referrers are not used.
std::vector<oci::Tag> attached_tags(const oci::Digest& digest);
/// The tag that lists what refers to a digest on a registry without the API (OCI distribution-spec 1.1, "Referrers Tag
/// Schema").
oci::Tag referrers_tag(const oci::Digest& subject);

}  // namespace lifeboat::registry::copy
