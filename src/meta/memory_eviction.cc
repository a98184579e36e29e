// The rules of EvictionIndex over a MemoryStore's names.

#include <algorithm>

#include "meta/memory_names.h"

namespace lifeboat::meta {

std::set<oci::Digest> MemoryNames::over(const oci::RepositoryId& repository, const oci::Digest& manifest) const {
  const auto indexes = parents(repository, manifest);
  std::set<oci::Digest> found(indexes.begin(), indexes.end());
  const Repository& in = repositories_.at(repository);
  const auto& subject = in.manifests.at(manifest).subject;
  if (subject && in.manifests.contains(*subject)) found.insert(*subject);
  return found;
}

std::vector<oci::Digest> MemoryNames::members(const oci::RepositoryId& repository, const oci::Digest& root) const {
  std::vector<oci::Digest> found{root};
  const Repository& in = repositories_.at(repository);
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (const auto& [digest, manifest] : in.manifests) {
      const bool is_under = over(repository, digest).contains(found[i]);
      if (is_under && std::ranges::find(found, digest) == found.end()) found.push_back(digest);
    }
  }
  return found;
}

WallTime MemoryNames::last_use(const Repository& in, const std::vector<oci::Digest>& members) const {
  WallTime used{};
  for (const oci::Digest& member : members) {
    WallTime came = in.untagged.contains(member) ? in.untagged.at(member) : WallTime{};
    for (const auto& [name, tag] : in.tags) {
      if (tag.digest == member) came = std::max(came, tag.updated);
    }
    used = std::max(used, in.pulls.contains(member) ? in.pulls.at(member) : came);
    const auto edges = edges_.find(member);
    if (edges == edges_.end()) continue;
    for (const Edge& edge : edges->second) {
      const auto link = in.links.find(edge.to);
      if (link != in.links.end()) used = std::max(used, link->second);
    }
  }
  return used;
}

bool MemoryNames::is_any_pinned(const oci::RepositoryId& repository, const std::vector<oci::Digest>& members) const {
  const Repository& in = repositories_.at(repository);
  const auto is_named = [&](const std::string& reference) {
    const auto tag = in.tags.find(reference);
    return std::ranges::any_of(members, [&](const oci::Digest& member) {
      return reference == member.to_string() || (tag != in.tags.end() && tag->second.digest == member);
    });
  };
  return std::ranges::any_of(
      pins_, [&](const auto& entry) { return entry.first.first == repository && is_named(entry.first.second); });
}

bool MemoryNames::does_any_stand_in(const Repository& in, const std::vector<oci::Digest>& members) {
  return std::ranges::any_of(in.tags, [&](const auto& entry) {
    const auto& [name, tag] = entry;
    const auto history = in.history.find(name);
    if (!in.captures.contains(tag.digest) || history == in.history.end()) return false;
    return std::ranges::any_of(history->second, [&](const TagPast& past) {
      return past.digest != tag.digest && std::ranges::find(members, past.digest) != members.end();
    });
  });
}

std::vector<CachedImage> MemoryNames::cached_images() const {
  std::vector<CachedImage> images;
  for (const auto& [id, in] : repositories_) {
    if (id.is_hosted()) continue;
    for (const auto& [digest, manifest] : in.manifests) {
      if (!over(id, digest).empty()) continue;
      const auto all = members(id, digest);
      images.push_back(
          {.repository = id, .root = digest, .used = last_use(in, all), .is_pinned = is_any_pinned(id, all)});
    }
  }
  return images;
}

void MemoryNames::take_members(Repository& in, const std::vector<oci::Digest>& going, Evicted& evicted) {
  std::vector<oci::Digest> blobs;
  const auto count = [&](const oci::Digest& digest, uint64_t size_bytes) {
    if (is_needed(digest)) return;
    const auto note = condemned_.try_emplace(digest, Condemned{digest, size_bytes, WallTime{}}).first;
    if (note->second.since > WallTime{}) return;
    ++evicted.contents;
    evicted.bytes += size_bytes;
  };
  for (const oci::Digest& digest : going) {
    for (const Edge& edge : edges_[digest]) {
      if (edge.kind != EdgeKind::manifest) blobs.push_back(edge.to);
    }
    const uint64_t size_bytes = in.manifests.at(digest).size_bytes;
    in.manifests.erase(digest);
    std::erase_if(in.tags, [&](const auto& entry) { return entry.second.digest == digest; });
    in.captures.erase(digest);
    in.pulls.erase(digest);
    in.untagged.erase(digest);
    if (!has_manifest_anywhere(digest)) edges_.erase(digest);
    count(digest, size_bytes);
  }
  for (const oci::Digest& blob : blobs) {
    if (parent_of(in, blob) != nullptr || !blobs_.contains(blob)) continue;
    in.links.erase(blob);
    const uint64_t size_bytes = blobs_.at(blob);
    if (take_blob(blob, WallTime{})) count(blob, size_bytes);
  }
}

Evicted MemoryNames::evict(const CachedImage& image) {
  Evicted evicted;
  Repository* const in = known(image.repository);
  if (in == nullptr || image.repository.is_hosted() || !in->manifests.contains(image.root)) return evicted;
  if (!over(image.repository, image.root).empty()) return evicted;
  const auto all = members(image.repository, image.root);
  if (last_use(*in, all) > image.used || is_any_pinned(image.repository, all)) return evicted;
  if (does_any_stand_in(*in, all)) return evicted;
  std::vector<oci::Digest> going{image.root};
  const auto goes = [&](const oci::Digest& one) { return std::ranges::find(going, one) != going.end(); };
  for (bool has_grown = true; has_grown;) {
    has_grown = false;
    for (const oci::Digest& member : all) {
      if (goes(member) || !std::ranges::all_of(over(image.repository, member), goes)) continue;
      going.push_back(member);
      has_grown = true;
    }
  }
  take_members(*in, going, evicted);
  evicted.has_gone = true;
  return evicted;
}

}  // namespace lifeboat::meta
