#include "registry/tree/finding.h"

namespace lifeboat::registry {

std::string_view to_string(TreeKind kind) {
  switch (kind) {
    case TreeKind::distribution: return "distribution";
    case TreeKind::oci_layout: return "oci-layout";
    case TreeKind::lifeboat: return "lifeboat";
  }
  return "";
}

std::string_view to_string(FindingKind kind) {
  switch (kind) {
    case FindingKind::tag_without_manifest: return "tag-without-manifest";
    case FindingKind::ambiguous_tag: return "ambiguous-tag";
    case FindingKind::tag_without_link: return "tag-without-link";
    case FindingKind::missing_child: return "missing-child";
    case FindingKind::missing_manifest: return "missing-manifest";
    case FindingKind::missing_config: return "missing-config";
    case FindingKind::missing_layer: return "missing-layer";
    case FindingKind::bad_link: return "bad-link";
    case FindingKind::orphan_link: return "orphan-link";
    case FindingKind::wrong_size: return "wrong-size";
    case FindingKind::wrong_digest: return "wrong-digest";
    case FindingKind::unreadable: return "unreadable";
    case FindingKind::malformed_manifest: return "malformed-manifest";
    case FindingKind::unsupported_manifest: return "unsupported-manifest";
    case FindingKind::illegal_name: return "illegal-name";
    case FindingKind::stale_upload: return "stale-upload";
    case FindingKind::row_without_bytes: return "row-without-bytes";
    case FindingKind::bytes_without_row: return "bytes-without-row";
    case FindingKind::dangling_edge: return "dangling-edge";
  }
  return "";
}

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::broken: return "broken";
    case Severity::unknown: return "unknown";
    case Severity::untidy: return "untidy";
    case Severity::note: return "note";
  }
  return "";
}

std::string_view to_string(Lacks lacks) {
  switch (lacks) {
    case Lacks::nothing: return "nothing";
    case Lacks::link: return "link";
    case Lacks::bytes: return "bytes";
    case Lacks::both: return "link and bytes";
  }
  return "";
}

std::string name_of_tag(std::string_view repository, std::string_view tag) {
  std::string name(repository);
  return name.append(repository.empty() ? "" : ":").append(tag);
}

std::string name_of_digest(std::string_view repository, const oci::Digest& digest) {
  std::string name(repository);
  return name.append(repository.empty() ? "" : "@").append(digest.to_string());
}

}  // namespace lifeboat::registry
