#include <string>
#include <utility>
#include <vector>

#include "oci/document.h"
#include "oci/manifest.h"
#include "oci/text.h"

namespace lifeboat::oci {

std::string render_referrers(const std::vector<Referrer>& referrers) {
  std::string out = R"({"schemaVersion":2,"mediaType":")";
  out.append(kOciIndex).append(R"(","manifests":[)");
  for (const Referrer& referrer : referrers) {
    if (&referrer != &referrers.front()) out.push_back(',');
    out.append(R"({"mediaType":)");
    append_json_text(out, referrer.media_type);
    out.append(R"(,"digest":")").append(referrer.digest.to_string());
    out.append(R"(","size":)").append(std::to_string(referrer.size_bytes));
    if (!referrer.artifact_type.empty()) {
      out.append(R"(,"artifactType":)");
      append_json_text(out, referrer.artifact_type);
    }
    // Read again rather than trusted: one bad text would make the whole answer unreadable.
    const std::string annotations =
        referrer.annotations_json.empty() ? std::string() : compact_annotations(referrer.annotations_json);
    if (!annotations.empty()) out.append(R"(,"annotations":)").append(annotations);
    out.push_back('}');
  }
  return out.append("]}");
}

Result<std::vector<Referrer>> parse_referrers(ByteView bytes) {
  auto document = read_document(bytes, ListedAnnotations::kept);
  if (!document) return std::unexpected(std::move(document).error().with_context("that lists referrers"));
  const bool is_index =
      document->media_type.empty() ? document->manifests.has_value() : document->media_type == kOciIndex;
  if (!is_index || document->config || document->layers || document->has_fs_layers) {
    return fail(ErrorCode::invalid, "cannot parse list of referrers: it is not an index");
  }
  std::vector<Referrer> referrers;
  if (!document->manifests) return referrers;
  referrers.reserve(document->manifests->size());
  for (ListedDescriptor& listed : *document->manifests) {
    referrers.push_back({.digest = listed.descriptor.digest,
                         .media_type = listed.descriptor.media_type.to_string(),
                         .size_bytes = listed.descriptor.size_bytes,
                         .artifact_type = std::move(listed.artifact_type),
                         .annotations_json = std::move(listed.annotations_json)});
  }
  return referrers;
}

}  // namespace lifeboat::oci
