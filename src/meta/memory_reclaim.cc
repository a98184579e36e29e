// The rules of ReclaimIndex over a MemoryStore's names.

#include <algorithm>
#include <set>
#include <tuple>

#include "meta/memory_names.h"

namespace lifeboat::meta {

std::size_t MemoryNames::links_of(const oci::Digest& digest) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(repositories_, [&](const auto& entry) { return entry.second.links.contains(digest); }));
}

bool MemoryNames::is_named(const oci::Digest& blob) const {
  return std::ranges::any_of(repositories_,
                             [&](const auto& entry) { return parent_of(entry.second, blob) != nullptr; });
}

bool MemoryNames::has_row(const oci::Digest& digest) const {
  return blobs_.contains(digest) || has_manifest_anywhere(digest);
}

bool MemoryNames::leads_to(const Repository& repository, const oci::Digest& digest) const {
  return std::ranges::any_of(edges_, [&](const auto& entry) {
    return repository.manifests.contains(entry.first) &&
           std::ranges::any_of(entry.second, [&](const Edge& edge) { return edge.to == digest; });
  });
}

bool MemoryNames::is_needed(const oci::Digest& digest) const {
  return has_row(digest) || faults_.contains(digest) ||
         std::ranges::any_of(repositories_, [&](const auto& entry) { return leads_to(entry.second, digest); });
}

bool MemoryNames::keeps_link(const Repository& repository, const oci::Digest& blob) const {
  return std::ranges::any_of(edges_, [&](const auto& entry) {
    const auto& [parent, edges] = entry;
    const bool names_it = std::ranges::any_of(
        edges, [&](const Edge& edge) { return edge.kind != EdgeKind::manifest && edge.to == blob; });
    return names_it &&
           (repository.manifests.contains(parent) || faults_.contains(parent) || leads_to(repository, parent));
  });
}

std::vector<Reclaimable> MemoryNames::reclaimable(WallTime before) const {
  std::vector<Reclaimable> found;
  for (const auto& [id, repository] : repositories_) {
    for (const auto& [digest, touched] : repository.links) {
      if (touched > before || keeps_link(repository, digest)) continue;
      found.push_back({.repository = id,
                       .digest = digest,
                       .size_bytes = blobs_.at(digest),
                       .touched = touched,
                       .links = links_of(digest),
                       .is_named = is_named(digest)});
    }
  }
  for (const auto& [digest, size_bytes] : blobs_) {
    if (links_of(digest) == 0 && !is_named(digest)) found.push_back({.digest = digest, .size_bytes = size_bytes});
  }
  return found;
}

bool MemoryNames::take_blob(const oci::Digest& digest, WallTime since) {
  const auto blob = blobs_.find(digest);
  if (blob == blobs_.end() || links_of(digest) != 0 || is_named(digest)) return false;
  const uint64_t size_bytes = blob->second;
  blobs_.erase(blob);
  if (!is_needed(digest)) {
    WallTime& noted = condemned_.try_emplace(digest, Condemned{digest, size_bytes, since}).first->second.since;
    noted = std::max(noted, since);
  }
  return true;
}

bool MemoryNames::take_link(const Reclaimable& link, WallTime before) {
  Repository* const in = known(*link.repository);
  if (in == nullptr || keeps_link(*in, link.digest)) return false;
  const auto held = in->links.find(link.digest);
  if (held == in->links.end() || held->second > before) return false;
  in->links.erase(held);
  (void)take_blob(link.digest, before);
  return true;
}

std::vector<Reclaimable> MemoryNames::release(const std::vector<Reclaimable>& found, WallTime before) {
  std::vector<Reclaimable> went;
  for (const Reclaimable& one : found) {
    const bool has_gone = one.repository ? take_link(one, before) : take_blob(one.digest, before);
    if (has_gone) went.push_back(one);
  }
  return went;
}

std::vector<Condemned> MemoryNames::condemned(WallTime before, std::size_t limit) const {
  std::vector<Condemned> found;
  for (const auto& [digest, one] : condemned_) {
    if (one.since <= before) found.push_back(one);
  }
  std::ranges::sort(found, [](const Condemned& a, const Condemned& b) {
    return std::tie(a.since, a.digest) < std::tie(b.since, b.digest);
  });
  if (found.size() > limit) found.erase(found.begin() + static_cast<std::ptrdiff_t>(limit), found.end());
  return found;
}

void MemoryNames::acquit(const std::vector<oci::Digest>& digests) {
  for (const oci::Digest& digest : digests) condemned_.erase(digest);
}

bool MemoryNames::restore_edges(const oci::RepositoryId& repository, const oci::Digest& manifest,
                                const std::vector<Edge>& edges) {
  const Repository* const in = known(repository);
  if (in == nullptr || !in->manifests.contains(manifest)) return false;
  put_edges(manifest, edges);
  return true;
}

std::vector<oci::Digest> MemoryNames::needed_by_tags() const {
  std::set<oci::Digest> needed;
  std::vector<oci::Digest> to_see;
  for (const auto& [id, repository] : repositories_) {
    if (!id.is_hosted()) continue;
    for (const auto& [name, tag] : repository.tags) to_see.push_back(tag.digest);
  }
  while (!to_see.empty()) {
    const oci::Digest digest = to_see.back();
    to_see.pop_back();
    if (!has_row(digest) || !needed.insert(digest).second) continue;
    const auto edges = edges_.find(digest);
    if (edges == edges_.end()) continue;
    for (const Edge& edge : edges->second) to_see.push_back(edge.to);
  }
  return {needed.begin(), needed.end()};
}

}  // namespace lifeboat::meta
