#include "registry/copy/plan.h"

#include <algorithm>
#include <array>
#include <set>

namespace lifeboat::registry::copy {
namespace {

bool is_in(const std::vector<oci::Platform>& platforms, const oci::Platform& one) {
  return std::ranges::any_of(platforms, [&](const auto& other) { return other.to_string() == one.to_string(); });
}

bool is_of_manifest(const oci::MediaType& type) { return type.is_manifest() || type.is_index() || type.is_schema1(); }

std::string tag_base(const oci::Digest& digest) { return std::string(digest.algorithm_name()) + "-" + digest.hex(); }

/// Puts what has been found in order.
class Planner {
 public:
  Planner(Finds& finds, const std::vector<oci::Platform>& platforms, Plan& plan)
      : finds_(finds), platforms_(platforms), plan_(plan) {}

  void take(const oci::Digest& digest) {
    const auto found = finds_.manifests.find(digest);
    if (found == finds_.manifests.end() || !seen_.insert(digest).second) return;
    Found& one = found->second;
    const Parts parts = parts_of(one.manifest, platforms_);
    const bool names_more = parts.manifests.size() + parts.blobs.size() < one.manifest.manifests.size();
    plan_.is_sparse = plan_.is_sparse || names_more;
    for (const oci::Descriptor& child : parts.manifests) take(child.digest);
    for (const oci::Descriptor& blob : parts.blobs) {
      if (!blobs_.insert(blob.digest).second) continue;
      plan_.blobs.push_back({{blob.digest, blob.size_bytes}, blob.is_optional});
    }
    const std::vector<oci::Digest> referrers = one.referrers;
    plan_.manifests.push_back({{std::move(one.bytes), one.manifest.media_type, digest}, one.manifest.subject});
    for (const oci::Digest& referrer : referrers) take(referrer);
  }

 private:
  Finds& finds_;
  const std::vector<oci::Platform>& platforms_;
  Plan& plan_;
  std::set<oci::Digest> seen_;
  std::set<oci::Digest> blobs_;
};

}  // namespace

Parts parts_of(const oci::Manifest& manifest, const std::vector<oci::Platform>& platforms) {
  Parts parts;
  std::vector<oci::Platform> there;
  bool has_inner_index = false;
  for (const oci::Descriptor& child : manifest.manifests) {
    // Some indexes list what is no manifest, as build caches do.
    if (!is_of_manifest(child.media_type)) {
      parts.blobs.push_back(child);
      continue;
    }
    const bool is_known = child.platform.is_known();
    if (is_known) there.push_back(child.platform);
    const bool is_inner = child.media_type.is_index() && !is_known;
    has_inner_index = has_inner_index || is_inner;
    const bool is_wanted = platforms.empty() || is_inner || (is_known && is_in(platforms, child.platform));
    if (is_wanted) parts.manifests.push_back(child);
  }
  if (manifest.is_index() && !has_inner_index) {
    for (const oci::Platform& wanted : platforms) {
      if (!is_in(there, wanted)) parts.lacking.push_back(wanted);
    }
  }
  if (manifest.config) parts.blobs.push_back(*manifest.config);
  parts.blobs.insert(parts.blobs.end(), manifest.layers.begin(), manifest.layers.end());
  return parts;
}

uint64_t Plan::bytes() const {
  uint64_t sum = 0;
  for (const PlannedBlob& blob : blobs) sum += blob.name.size_bytes;
  return sum;
}

Plan plan_of(Finds finds, const std::vector<oci::Platform>& platforms) {
  Plan plan{.root = finds.root};
  Planner planner(finds, platforms, plan);
  planner.take(finds.root);
  for (const auto& [tag, digest] : finds.attached) planner.take(digest);
  plan.attached = std::move(finds.attached);
  return plan;
}

std::vector<oci::Tag> attached_tags(const oci::Digest& digest) {
  std::vector<oci::Tag> tags;
  for (const std::string_view suffix : {".sig", ".att", ".sbom"}) {
    // Of sha512 the name is longer than a tag may be.
    if (auto tag = oci::Tag::parse(tag_base(digest).append(suffix))) tags.push_back(std::move(*tag));
  }
  return tags;
}

oci::Tag referrers_tag(const oci::Digest& subject) {
  const std::string text = std::string(subject.algorithm_name()) + "-" + subject.hex().substr(0, 64);
  return *oci::Tag::parse(text);
}

}  // namespace lifeboat::registry::copy
