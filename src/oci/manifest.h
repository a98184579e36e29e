#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "oci/digest.h"
#include "oci/media_type.h"
#include "oci/platform.h"

namespace lifeboat::oci {

/// The largest manifest taken: the suites push 3.9 MB, clients pull up to 4 MiB (W54).
inline constexpr std::size_t kManifestMaxBytes = 4 * kMiB;
/// How deep the JSON of a manifest may nest (W101).
inline constexpr int kManifestDepthMax = 64;

/// One reference out of a manifest or index (OCI image-spec descriptor.md).
struct Descriptor {
  MediaType media_type;
  Digest digest;
  uint64_t size_bytes = 0;
  bool is_optional = false;  ///< has `urls` or embedded `data`, or is non-distributable: need not be here (W55)
  Platform platform{};       ///< of an index's child
};

/// What a registry must know of a manifest or index; the bytes themselves are kept as they came.
struct Manifest {
  MediaType media_type;
  std::optional<Descriptor> config;   ///< manifests
  std::vector<Descriptor> layers;     ///< manifests
  std::vector<Descriptor> manifests;  ///< indexes
  std::optional<Digest> subject;
  std::string artifact_type;     ///< as the referrers answer has it (W65): own, else config's media type, else ""
  std::string annotations_json;  ///< the `annotations` object as JSON text, "" when there is none

  bool is_index() const { return media_type.is_index(); }

  /// Reads a document. `content_type` is the media type of the request or response, empty when there was none.
  /// invalid (with what was got and wanted) when: not JSON, too deep, schemaVersion is not 2, schema 1, neither field
  /// nor header tell the media type or the two differ (W52), it is both manifest and index (CVE-2021-41190), a
  /// descriptor is malformed, the media type is not one we keep (W53).
  static Result<Manifest> parse(ByteView bytes, std::string_view content_type);
};

/// The answer of the referrers API: an OCI index of descriptors (OCI distribution-spec 1.1, end-12).
struct Referrer {
  Digest digest;
  std::string media_type;
  uint64_t size_bytes = 0;
  std::string artifact_type;
  std::string annotations_json;
};
std::string render_referrers(const std::vector<Referrer>& referrers);

/// Reads an index that lists referrers (of an upstream's API or of its fallback tag).
Result<std::vector<Referrer>> parse_referrers(ByteView bytes);

}  // namespace lifeboat::oci
