#include "oci/manifest.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "oci/document.h"
#include "oci/text.h"

namespace lifeboat::oci {
namespace {

/// What clients and storages send when they do not know: no statement about the document.
constexpr std::array<std::string_view, 5> kGenericTypes{"application/json", "application/octet-stream",
                                                        "binary/octet-stream", "text/json", "text/plain"};

std::unexpected<Error> refuse(const std::string& reason) {
  return fail(ErrorCode::invalid, "cannot parse manifest: " + reason);
}

/// The media type the header states, "" when it states none.
Result<std::string> type_in_header(std::string_view content_type) {
  if (without_outer_space(content_type).empty()) return std::string();
  LB_TRY(const MediaType type, MediaType::parse(content_type));
  const bool is_generic = std::ranges::find(kGenericTypes, type.to_string()) != kGenericTypes.end();
  return is_generic ? std::string() : type.to_string();
}

/// The media type by field and header, or, where neither states one, by shape: manifests of the first OCI releases
/// have no `mediaType` field.
Result<std::string> type_of(const Document& document, const std::string& in_header) {
  if (!document.media_type.empty() && !in_header.empty() && document.media_type != in_header) {
    return refuse("its mediaType is not its content type (got " + quote(document.media_type) + ", want " +
                  quote(in_header) + ")");
  }
  if (!document.media_type.empty()) return document.media_type;
  if (!in_header.empty()) return in_header;
  if (document.manifests) return std::string(kOciIndex);
  if (document.config || document.layers) return std::string(kOciManifest);
  return refuse("neither a field, a header nor its shape tells its media type");
}

/// One document must not be read as manifest by one client and as index by another (CVE-2021-41190).
Status check_shape(const Document& document, const MediaType& type) {
  const bool is_manifest = document.config || document.layers;
  if (is_manifest && document.manifests) return refuse("both manifest and index (got config or layers and manifests)");
  if (type.is_index() && is_manifest) return refuse("an index with config or layers");
  if (type.is_manifest() && document.manifests) return refuse("a manifest with manifests");
  if (type.is_manifest() && !document.config) return refuse("a manifest without config");
  return {};
}

std::vector<Descriptor> descriptors_of(std::optional<std::vector<ListedDescriptor>>& listed) {
  std::vector<Descriptor> descriptors;
  if (!listed) return descriptors;
  descriptors.reserve(listed->size());
  for (ListedDescriptor& item : *listed) descriptors.push_back(std::move(item.descriptor));
  return descriptors;
}

}  // namespace

Result<Manifest> Manifest::parse(ByteView bytes, std::string_view content_type) {
  LB_TRY(const std::string in_header, type_in_header(content_type));
  LB_TRY(Document document, read_document(bytes, ListedAnnotations::skipped));
  if (document.has_fs_layers || document.schema_version == 1U) return refuse("schema 1 is not taken (want schema 2)");
  if (document.schema_version != 2U) {
    return refuse("wrong schemaVersion (got " +
                  (document.schema_version ? std::to_string(*document.schema_version) : "none") + ", want 2)");
  }
  LB_TRY(const std::string type_text, type_of(document, in_header));
  LB_TRY(MediaType type, MediaType::parse(type_text));
  // The field may not have parameters, so the text that was parsed must be the type as it stands.
  if (type.to_string() != type_text || (!type.is_manifest() && !type.is_index())) {
    return refuse("its media type is not kept here (got " + quote(type_text) +
                  ", want an OCI manifest or index, or a Docker schema 2 manifest or list)");
  }
  LB_CHECK(check_shape(document, type));

  Manifest manifest{.media_type = std::move(type),
                    .config = std::nullopt,
                    .layers = descriptors_of(document.layers),
                    .manifests = descriptors_of(document.manifests),
                    .subject = std::nullopt,
                    .artifact_type = std::move(document.artifact_type),
                    .annotations_json = std::move(document.annotations_json)};
  if (document.config) manifest.config = std::move(document.config->descriptor);
  if (document.subject) manifest.subject = document.subject->descriptor.digest;
  if (manifest.artifact_type.empty() && manifest.config)
    manifest.artifact_type = manifest.config->media_type.to_string();
  return manifest;
}

}  // namespace lifeboat::oci
