#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "blob/inspector.h"
#include "oci/manifest.h"
#include "oci/platform.h"
#include "registry/verify/finding.h"

/// What a walk has learned of one repository, and what follows from it. Pure: the walk asks, this judges. Each digest
/// is looked at once; that several names are broken by it is found when each is traced.
namespace lifeboat::registry::verify {

/// What a manifest names, and what it says of it.
struct Edge {
  Part part = Part::layer;
  oci::Digest digest;
  std::optional<uint64_t> size_bytes{};  ///< nothing: nobody says
  std::string media_type{};
  std::string note{};  ///< of the Step
  /// Whether the other end is a manifest too.
  bool is_manifest() const { return part == Part::index || part == Part::manifest || part == Part::referrer; }
};

/// One digest.
struct Node {
  std::vector<Fault> faults{};           ///< whoever names it
  std::optional<uint64_t> size_bytes{};  ///< as the registry has it, once told
  bool is_longer = false;                ///< than size_bytes even: it was read no further
  std::string media_type{};              ///< of a manifest: its own
  bool is_index = false;
  std::vector<Edge> edges{};
};
/// What is not in it was not looked at.
using Graph = std::map<oci::Digest, Node>;

/// No further manifests below a name.
inline constexpr std::size_t kDepthMax = 16;

/// What of a manifest has to be there.
struct Plan {
  std::vector<Edge> edges{};
  std::vector<Fault> faults{};
};
/// `platforms` empty: all. Else of an index the children for them, and nothing that runs nowhere, such as attestations;
/// a platform that it does not have is a fault. What may stay elsewhere (W55) is left out.
Plan plan_of(const oci::Manifest& manifest, const std::vector<oci::Platform>& platforms);

/// `wanted`: the digest it was asked for by; nothing: by a tag.
Node judge_manifest(const blob::Inspector::Answered& answered, const std::optional<oci::Digest>& wanted,
                    const std::vector<oci::Platform>& platforms);
/// What the way to it adds to the faults of the thing itself. Of bytes of another length the digest cannot be right
/// either, and only the length is told.
std::vector<Fault> judge_edge(const Edge& edge, const Node& node);

/// A name that was resolved, or was not.
struct Root {
  std::optional<oci::Digest> digest{};
  std::vector<Fault> faults{};  ///< of the tag
};
Verdict trace(const Graph& graph, Name name, const Root& root);

}  // namespace lifeboat::registry::verify
