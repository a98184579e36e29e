#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/digest.h"
#include "registry/tree/tree.h"

namespace lifeboat::registry {

/// What can be wrong with a tree. The texts of to_string() are part of `lifeboat fsck -o json`.
enum class FindingKind {
  tag_without_manifest,  ///< what the tag points to has no link or no bytes
  ambiguous_tag,     ///< oci-layout: the index gives the tag to several manifests, and tools differ in which they take
  tag_without_link,  ///< the tag's directory is there and its link is not: it is listed and cannot be pulled
  missing_child,     ///< a manifest that an index names
  missing_manifest,  ///< linked, and its bytes are gone
  missing_config,
  missing_layer,
  bad_link,              ///< empty, malformed, or it says another digest than its place
  orphan_link,           ///< its blob is gone and no manifest names it
  wrong_size,            ///< the file is not as long as who names it says
  wrong_digest,          ///< its bytes are not what their name says
  unreadable,            ///< the disk or its permissions refuse
  malformed_manifest,    ///< no manifest
  unsupported_manifest,  ///< Docker schema 1 and what else cannot be looked into
  illegal_name,          ///< distribution: a directory that no repository or tag may be called: nobody can pull it
  stale_upload,          ///< an upload nobody went on with
  row_without_bytes,     ///< lifeboat: the database has it, the disk has not
  bytes_without_row,     ///< lifeboat: the disk has it, the database has not
  dangling_edge,         ///< lifeboat: an edge of what the database has no content for
};
std::string_view to_string(FindingKind kind);  ///< "missing-child"

enum class Severity {
  broken,   ///< a published name cannot be pulled whole
  unknown,  ///< it could not be looked at: whether a name suffers is not known
  untidy,   ///< nothing that is published suffers
  note,     ///< harmless, or beyond what can be judged
};
std::string_view to_string(Severity severity);

/// What of a piece of content is missing.
enum class Lacks { nothing, link, bytes, both };
std::string_view to_string(Lacks lacks);

struct Finding {
  FindingKind kind = FindingKind::missing_layer;
  Severity severity = Severity::broken;
  std::string repository{};             ///< "" where there is none: of the whole tree
  std::optional<LinkKind> link{};       ///< which link the content needs, where it is content
  std::optional<oci::Digest> digest{};  ///< what is wrong
  std::optional<oci::Digest> parent{};  ///< a manifest that names it
  Lacks lacks = Lacks::nothing;
  std::optional<uint64_t> size_bytes{};  ///< of a blob, as manifests that name it say; the largest when they disagree
  std::string detail{};                  ///< for people
  std::vector<std::string>
      breaks{};  ///< the names that cannot be pulled whole, or may not be: "team/app:1", "team/app@sha256:…"

  friend bool operator==(const Finding&, const Finding&) = default;
};

/// "team/app:1", in a layout "1".
std::string name_of_tag(std::string_view repository, std::string_view tag);
std::string name_of_digest(std::string_view repository, const oci::Digest& digest);

}  // namespace lifeboat::registry
