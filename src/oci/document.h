#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "oci/digest.h"
#include "oci/manifest.h"

namespace lifeboat::oci {

/// A descriptor with what only a list of referrers tells of it.
struct ListedDescriptor {
  Descriptor descriptor;
  std::string artifact_type;
  std::string annotations_json;
};

/// The JSON of a manifest, an index or a list of referrers: the fields we know, each of the right kind, and nothing
/// said yet about which of them belong together. A field that is null is not there, as Go's writers have it.
struct Document {
  std::optional<uint64_t> schema_version;
  std::string media_type;
  std::string artifact_type;
  std::string annotations_json;
  std::optional<ListedDescriptor> config;
  std::optional<ListedDescriptor> subject;
  std::optional<std::vector<ListedDescriptor>> layers;
  std::optional<std::vector<ListedDescriptor>> manifests;
  bool has_fs_layers = false;  ///< the mark of schema 1
};

enum class ListedAnnotations : bool { skipped, kept };

/// Reads a document in one pass, in memory bounded by its fields: what we do not know is not built. invalid when it is
/// not one JSON object, nests deeper than kManifestDepthMax, names a field we know twice (readers differ in which one
/// they take), or a field we know is of the wrong kind.
Result<Document> read_document(ByteView bytes, ListedAnnotations listed_annotations);

/// An `annotations` object, compact; "" when `text` is none.
std::string compact_annotations(std::string_view text);

}  // namespace lifeboat::oci
