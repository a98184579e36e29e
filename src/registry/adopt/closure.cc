#include "registry/adopt/closure.h"

#include <algorithm>

namespace lifeboat::registry::adopt {
namespace {

bool is_manifest(const oci::Descriptor& child) { return child.media_type.is_manifest() || child.media_type.is_index(); }

std::string about(std::string_view what, const oci::Digest& digest, std::string_view reason) {
  std::string text(what);
  return text.append(" ").append(digest.to_string()).append(": ").append(reason);
}

std::string of_another_length(uint64_t got, uint64_t want) {
  return "it is not as long as what names it says (got " + std::to_string(got) + " bytes, want " +
         std::to_string(want) + ")";
}

}  // namespace

void Closure::want(const oci::Digest& manifest) {
  if (nodes_.emplace(manifest, Node{}).second) wanted_.push_back(manifest);
}

std::vector<oci::Digest> Closure::take_wanted() { return std::exchange(wanted_, {}); }

void Closure::failed(const oci::Digest& content, std::string reason) {
  failures_.insert_or_assign(content, std::move(reason));
}

void Closure::is_there(const oci::Digest& blob, uint64_t size_bytes) { sizes_.insert_or_assign(blob, size_bytes); }

void Closure::came(const oci::Digest& manifest, std::string bytes) {
  const oci::Digest got = oci::Digest::of(manifest.algorithm(), as_bytes(bytes));
  if (got != manifest) return failed(manifest, "its bytes have another digest (got " + got.to_string() + ")");
  auto parsed = oci::Manifest::parse(as_bytes(bytes), "");
  if (!parsed) return failed(manifest, parsed.error().message());
  for (const oci::Descriptor& child : parsed->manifests) {
    if (is_manifest(child) && !child.is_optional) want(child.digest);
  }
  Node& node = nodes_.at(manifest);
  node.bytes = std::move(bytes);
  node.manifest = std::move(*parsed);
}

std::vector<WantedBlob> Closure::blobs_of(const oci::Digest& manifest) const {
  std::vector<WantedBlob> blobs;
  const Node& node = nodes_.at(manifest);
  if (!node.manifest) return blobs;
  const auto add = [&](const oci::Descriptor& part) {
    if (!part.is_optional) blobs.push_back({part.digest, part.size_bytes});
  };
  if (node.manifest->config) add(*node.manifest->config);
  for (const oci::Descriptor& layer : node.manifest->layers) add(layer);
  for (const oci::Descriptor& child : node.manifest->manifests) {
    if (!is_manifest(child)) add(child);
  }
  return blobs;
}

std::vector<WantedBlob> Closure::blobs() const {
  std::map<oci::Digest, uint64_t> sizes;
  for (const auto& [digest, node] : nodes_) {
    for (const WantedBlob& blob : blobs_of(digest)) {
      uint64_t& size = sizes[blob.digest];
      size = std::max(size, blob.size_bytes);
    }
  }
  std::vector<WantedBlob> all;
  for (const auto& [digest, size] : sizes) all.push_back({digest, size});
  return all;
}

void Closure::judge(const oci::Digest& digest, Node& node) {
  if (node.judged == Judged::yes) return;
  if (node.judged == Judged::running) {
    node.fault = "it names itself";  // no digest can, unless somebody breaks the hash
    return;
  }
  node.judged = Judged::running;
  if (const auto failure = failures_.find(digest); failure != failures_.end()) {
    node.fault = about("manifest", digest, failure->second);
  } else if (!node.manifest) {
    node.fault = about("manifest", digest, "it did not come");
  } else {
    judge_parts(node, blobs_of(digest));
  }
  node.judged = Judged::yes;
}

void Closure::judge_parts(Node& node, const std::vector<WantedBlob>& blobs) {
  const auto note = [&](std::optional<std::string> fault) {
    if (fault && !node.fault) node.fault = std::move(fault);
  };
  for (const WantedBlob& blob : blobs) {
    const auto lost = failures_.find(blob.digest);
    const auto size = sizes_.find(blob.digest);
    if (lost != failures_.end()) {
      note(about("blob", blob.digest, lost->second));
    } else if (size != sizes_.end() && size->second != blob.size_bytes) {
      note(about("blob", blob.digest, of_another_length(size->second, blob.size_bytes)));
    }
  }
  for (const oci::Descriptor& child : node.manifest->manifests) {
    if (!is_manifest(child) || child.is_optional) continue;
    Node& below = nodes_.at(child.digest);
    judge(child.digest, below);
    note(below.fault);
    if (below.bytes.size() != child.size_bytes) {
      note(about("manifest", child.digest, of_another_length(below.bytes.size(), child.size_bytes)));
    }
    node.generation = std::max(node.generation, below.generation + 1);
  }
}

std::optional<std::string> Closure::fault_of(const oci::Digest& manifest) {
  Node& node = nodes_.at(manifest);
  judge(manifest, node);
  return node.fault;
}

std::vector<std::vector<oci::Digest>> Closure::whole() {
  std::vector<std::vector<oci::Digest>> generations;
  for (auto& [digest, node] : nodes_) {
    judge(digest, node);
    if (node.fault) continue;
    if (generations.size() <= node.generation) generations.resize(node.generation + 1);
    generations[node.generation].push_back(digest);
  }
  return generations;
}

}  // namespace lifeboat::registry::adopt
