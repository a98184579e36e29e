#include <algorithm>
#include <tuple>

#include "meta/memory_names.h"

/// The faults of MemoryNames.
namespace lifeboat::meta {

void MemoryNames::note_fault(const Fault& fault) { faults_.try_emplace(fault.digest, fault); }

void MemoryNames::clear_fault(const oci::Digest& digest) { faults_.erase(digest); }

std::optional<Fault> MemoryNames::find_fault(const oci::Digest& digest) const {
  const auto found = faults_.find(digest);
  return found == faults_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<Fault> MemoryNames::list_faults(std::size_t limit) const {
  std::vector<Fault> faults;
  for (const auto& [digest, fault] : faults_) faults.push_back(fault);
  std::ranges::sort(
      faults, [](const Fault& a, const Fault& b) { return std::tie(a.due, a.digest) < std::tie(b.due, b.digest); });
  if (faults.size() > limit) faults.erase(faults.begin() + static_cast<std::ptrdiff_t>(limit), faults.end());
  return faults;
}

void MemoryNames::postpone_fault(const Fault& fault) {
  const auto found = faults_.find(fault.digest);
  if (found == faults_.end()) return;
  found->second.tries = fault.tries;
  found->second.due = fault.due;
  found->second.last_error = fault.last_error;
}

std::vector<KnownContent> MemoryNames::known_content(const std::optional<oci::Digest>& last, std::size_t limit) const {
  std::map<oci::Digest, KnownContent> all;
  for (const auto& [id, repository] : repositories_) {
    for (const auto& [digest, size_bytes] : blobs_) {
      if (may_serve_at_all(repository, digest)) all.try_emplace(digest, KnownContent{digest, size_bytes, false});
    }
  }
  for (const auto& [id, repository] : repositories_) {
    for (const auto& [digest, manifest] : repository.manifests) {
      all.try_emplace(digest, KnownContent{digest, manifest.size_bytes, true}).first->second.is_manifest = true;
    }
  }
  std::vector<KnownContent> page;
  for (const auto& [digest, content] : all) {
    if ((last && digest <= *last) || faults_.contains(digest)) continue;
    if (page.size() == limit) break;
    page.push_back(content);
  }
  return page;
}

std::vector<oci::Digest> MemoryNames::named_by(const oci::Digest& manifest) const {
  std::set<oci::Digest> named;
  const auto edges = edges_.find(manifest);
  if (edges == edges_.end()) return {};
  for (const Edge& edge : edges->second) named.insert(edge.to);
  return {named.begin(), named.end()};
}

std::vector<ContentPlace> MemoryNames::places_of(const oci::Digest& digest) const {
  std::set<ContentPlace> places;
  for (const auto& [id, repository] : repositories_) {
    if (repository.manifests.contains(digest)) places.insert({id, true});
    if (repository.links.contains(digest)) places.insert({id, false});
    for (const auto& [name, tag] : repository.tags) {
      if (tag.digest == digest) places.insert({id, true});
    }
    for (const auto& [parent, manifest] : repository.manifests) {
      const auto edges = edges_.find(parent);
      if (edges == edges_.end()) continue;
      for (const Edge& edge : edges->second) {
        if (edge.to == digest) places.insert({id, edge.kind == EdgeKind::manifest});
      }
    }
  }
  return {places.begin(), places.end()};
}

std::set<oci::Digest> MemoryNames::manifests_over(const Repository& repository, const oci::Digest& digest) const {
  std::set<oci::Digest> over{digest};
  for (bool has_grown = true; has_grown;) {
    has_grown = false;
    for (const auto& [parent, manifest] : repository.manifests) {
      const auto edges = edges_.find(parent);
      if (edges == edges_.end()) continue;
      const auto leads_to_it = [&](const Edge& edge) { return over.contains(edge.to); };
      if (std::ranges::any_of(edges->second, leads_to_it)) has_grown |= over.insert(parent).second;
    }
  }
  return over;
}

std::vector<TagPlace> MemoryNames::tags_over(const oci::Digest& digest, std::size_t limit) const {
  std::vector<TagPlace> tags;
  for (const auto& [id, repository] : repositories_) {
    const std::set<oci::Digest> over = manifests_over(repository, digest);
    for (const auto& [name, tag] : repository.tags) {
      if (over.contains(tag.digest) && tags.size() < limit) tags.push_back({id, tag.tag});
    }
  }
  return tags;
}

std::vector<LostManifest> MemoryNames::lost_manifests(std::size_t limit) const {
  std::set<LostManifest> lost;
  for (const auto& [id, repository] : repositories_) {
    for (const auto& [name, tag] : repository.tags) {
      if (!repository.manifests.contains(tag.digest)) lost.insert({id, tag.digest});
    }
    if (!id.is_hosted()) continue;
    for (const auto& [parent, manifest] : repository.manifests) {
      const auto edges = edges_.find(parent);
      if (edges == edges_.end()) continue;
      for (const Edge& edge : edges->second) {
        if (edge.kind == EdgeKind::manifest && !repository.manifests.contains(edge.to)) lost.insert({id, edge.to});
      }
    }
  }
  std::vector<LostManifest> page(lost.begin(), lost.end());
  if (page.size() > limit) page.erase(page.begin() + static_cast<std::ptrdiff_t>(limit), page.end());
  return page;
}

}  // namespace lifeboat::meta
