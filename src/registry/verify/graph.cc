#include "registry/verify/graph.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace lifeboat::registry::verify {
namespace {

std::string got_want(std::string_view got, std::string_view want) {
  return "got " + std::string(got) + ", want " + std::string(want);
}

Edge edge_of(Part part, const oci::Descriptor& to, std::string note) {
  return {.part = part,
          .digest = to.digest,
          .size_bytes = to.size_bytes,
          .media_type = to.media_type.to_string(),
          .note = std::move(note)};
}

/// Some indexes list what is no manifest, as build caches do.
Part part_of(const oci::MediaType& type) {
  if (type.is_index()) return Part::index;
  return type.is_manifest() || type.is_schema1() ? Part::manifest : Part::blob;
}

bool is_in(const std::vector<oci::Platform>& platforms, const oci::Platform& one) {
  return std::ranges::any_of(platforms, [&](const auto& other) { return other.to_string() == one.to_string(); });
}

/// Goes down from a name, each digest once.
class Tracer {
 public:
  Tracer(const Graph& graph, Verdict& verdict) : graph_(graph), verdict_(verdict) {}

  void visit(const Edge& edge) {
    if (!ways_.insert({edge.digest, edge.size_bytes, edge.media_type}).second) return;
    if (!seen_.insert(edge.digest).second) return judge_again(edge);
    path_.push_back({edge.part, edge.digest, edge.note});
    if (path_.size() > kDepthMax) {
      const Fault fault{FaultKind::malformed, "nested deeper than " + std::to_string(kDepthMax)};
      verdict_.findings.push_back({path_, fault});
    } else if (const auto found = graph_.find(edge.digest); found != graph_.end()) {
      const Node& node = found->second;
      if (node.is_index && edge.part == Part::manifest) path_.back().part = Part::index;
      for (Fault& fault : judge_edge(edge, node)) verdict_.findings.push_back({path_, std::move(fault)});
      for (const Edge& next : node.edges) visit(next);
    } else {
      verdict_.is_looked_at_whole = false;
    }
    path_.pop_back();
  }

 private:
  /// What is named once more, and otherwise: its own faults are told.
  void judge_again(const Edge& edge) {
    const auto found = graph_.find(edge.digest);
    if (found == graph_.end()) return;
    Node alone = found->second;
    alone.faults.clear();
    path_.push_back({edge.part, edge.digest, edge.note});
    for (Fault& fault : judge_edge(edge, alone)) verdict_.findings.push_back({path_, std::move(fault)});
    path_.pop_back();
  }

  const Graph& graph_;
  Verdict& verdict_;
  std::vector<Step> path_;
  std::set<oci::Digest> seen_;
  std::set<std::tuple<oci::Digest, std::optional<uint64_t>, std::string>> ways_;  ///< as they are named
};

}  // namespace

Plan plan_of(const oci::Manifest& manifest, const std::vector<oci::Platform>& platforms) {
  Plan plan;
  std::vector<oci::Platform> there;
  bool has_inner_index = false;
  for (const oci::Descriptor& child : manifest.manifests) {
    const Part part = part_of(child.media_type);
    const bool is_known = child.platform.is_known();
    if (is_known) there.push_back(child.platform);
    const bool is_inner = part == Part::index && !is_known;
    has_inner_index = has_inner_index || is_inner;
    const bool is_wanted = platforms.empty() || is_inner || (is_known && is_in(platforms, child.platform));
    if (is_wanted && !child.is_optional) {
      plan.edges.push_back(edge_of(part, child, is_known ? child.platform.to_string() : ""));
    }
  }
  if (manifest.is_index() && !has_inner_index) {
    for (const oci::Platform& wanted : platforms) {
      if (!is_in(there, wanted)) {
        plan.faults.push_back({FaultKind::no_platform, "it has nothing for " + wanted.to_string()});
      }
    }
  }
  if (manifest.config && !manifest.config->is_optional)
    plan.edges.push_back(edge_of(Part::config, *manifest.config, ""));
  for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
    const oci::Descriptor& layer = manifest.layers[i];
    if (layer.is_optional) continue;
    plan.edges.push_back(
        edge_of(Part::layer, layer, std::to_string(i + 1) + " of " + std::to_string(manifest.layers.size())));
  }
  return plan;
}

Node judge_manifest(const blob::Inspector::Answered& answered, const std::optional<oci::Digest>& wanted,
                    const std::vector<oci::Platform>& platforms) {
  Node node{.size_bytes = answered.bytes.size()};
  const auto at_fault = [&](FaultKind kind, std::string detail) {
    node.faults.push_back({kind, std::move(detail)});
    return node;
  };
  if (answered.is_too_long) {
    node.size_bytes.reset();
    return at_fault(FaultKind::malformed,
                    "longer than the " + std::to_string(oci::kManifestMaxBytes) + " bytes of any");
  }
  if (answered.bytes.empty()) return at_fault(FaultKind::empty_body, "200 and no bytes");
  const auto& expected = wanted ? wanted : answered.digest;
  if (expected) {
    const auto actual = oci::Digest::of(expected->algorithm(), as_bytes(answered.bytes));
    if (actual != *expected) {
      const std::string_view whose = wanted ? "" : " by its header";
      return at_fault(FaultKind::wrong_digest,
                      got_want("bytes of " + actual.to_string(), expected->to_string() + std::string(whose)));
    }
  }
  auto manifest = oci::Manifest::parse(as_bytes(answered.bytes), answered.content_type);
  if (!manifest) {
    const std::string with_header = manifest.error().message();
    manifest = oci::Manifest::parse(as_bytes(answered.bytes), "");
    if (!manifest) return at_fault(FaultKind::malformed, manifest.error().message());
    node.faults.push_back({FaultKind::wrong_media_type, with_header});
  }
  node.media_type = manifest->media_type.to_string();
  node.is_index = manifest->is_index();
  Plan plan = plan_of(*manifest, platforms);
  node.edges = std::move(plan.edges);
  std::ranges::move(plan.faults, std::back_inserter(node.faults));
  return node;
}

std::vector<Fault> judge_edge(const Edge& edge, const Node& node) {
  std::vector<Fault> faults = node.faults;
  if (edge.size_bytes && node.size_bytes && *edge.size_bytes != *node.size_bytes) {
    const bool is_empty = *node.size_bytes == 0;
    std::erase_if(faults, [&](const Fault& fault) {
      return fault.kind == FaultKind::wrong_digest || fault.kind == FaultKind::empty_body;
    });
    faults.insert(faults.begin(),
                  {is_empty ? FaultKind::empty_body : FaultKind::wrong_size,
                   got_want(std::to_string(*node.size_bytes) + (node.is_longer ? " bytes and more" : " bytes"),
                            std::to_string(*edge.size_bytes))});
  }
  const bool is_other_type =
      edge.is_manifest() && !edge.media_type.empty() && !node.media_type.empty() && edge.media_type != node.media_type;
  if (is_other_type) faults.push_back({FaultKind::wrong_media_type, got_want(node.media_type, edge.media_type)});
  return faults;
}

Verdict trace(const Graph& graph, Name name, const Root& root) {
  Verdict verdict{.name = std::move(name), .digest = root.digest};
  for (const Fault& fault : root.faults) {
    verdict.findings.push_back({{{Part::tag, root.digest, verdict.name.reference.to_string()}}, fault});
  }
  if (root.digest) {
    Tracer(graph, verdict).visit({.part = Part::manifest, .digest = *root.digest});
  } else if (root.faults.empty()) {
    verdict.is_looked_at_whole = false;
  }
  return verdict;
}

}  // namespace lifeboat::registry::verify
