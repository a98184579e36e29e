// The rules of UsageIndex over a MemoryStore's names.

#include <algorithm>

#include "meta/memory_names.h"
#include "meta/refusal.h"

namespace lifeboat::meta {

void MemoryNames::note_tagging(Repository& repository, const oci::Digest& manifest, WallTime now) {
  const bool has_tag =
      std::ranges::any_of(repository.tags, [&](const auto& entry) { return entry.second.digest == manifest; });
  if (has_tag) {
    repository.untagged.erase(manifest);
  } else if (repository.manifests.contains(manifest)) {
    repository.untagged.emplace(manifest, now);
  }
}

void MemoryNames::note_pulled(const oci::RepositoryId& repository, const oci::Digest& manifest, WallTime at) {
  Repository* const in = known(repository);
  if (in == nullptr || !in->manifests.contains(manifest)) return;
  WallTime& held = in->pulls[manifest];
  const bool is_before_the_clock_was_set = held > at + std::chrono::minutes(10);
  held = is_before_the_clock_was_set ? at : std::max(held, at);
}

std::optional<WallTime> MemoryNames::pulled(const oci::RepositoryId& repository, const oci::Digest& manifest) const {
  const Repository* const in = known(repository);
  if (in == nullptr || !in->pulls.contains(manifest)) return std::nullopt;
  return in->pulls.at(manifest);
}

void MemoryNames::add_pin(const Pin& pin) { pins_.insert_or_assign({pin.repository, pin.reference}, pin); }

Status MemoryNames::remove_pin(const oci::RepositoryId& repository, const std::string& reference) {
  if (pins_.erase({repository, reference}) == 0) return refusal::no_pin(repository, reference);
  return {};
}

std::vector<Pin> MemoryNames::pins() const {
  std::vector<Pin> pins;
  for (const auto& [at, pin] : pins_) pins.push_back(pin);
  return pins;
}

std::vector<UsedTag> MemoryNames::used_tags(const oci::RepositoryId& repository, const std::string& last,
                                            std::size_t limit) const {
  std::vector<UsedTag> tags;
  const Repository* const in = known(repository);
  if (in == nullptr) return tags;
  for (auto one = in->tags.upper_bound(last); one != in->tags.end() && tags.size() < limit; ++one) {
    tags.push_back({.tag = one->second.tag, .digest = one->second.digest, .pushed = one->second.updated});
  }
  return tags;
}

std::vector<UsedManifest> MemoryNames::used_manifests(const oci::RepositoryId& repository) const {
  std::vector<UsedManifest> manifests;
  const Repository* const in = known(repository);
  if (in == nullptr) return manifests;
  for (const auto& [digest, manifest] : in->manifests) {
    UsedManifest one{.digest = digest, .subject = manifest.subject, .pulled = pulled(repository, digest)};
    if (const auto edges = edges_.find(digest); edges != edges_.end()) {
      for (const Edge& edge : edges->second) {
        if (edge.kind == EdgeKind::manifest) one.children.push_back(edge.to);
      }
    }
    std::ranges::sort(one.children);
    if (const auto since = in->untagged.find(digest); since != in->untagged.end()) one.untagged_since = since->second;
    manifests.push_back(std::move(one));
  }
  return manifests;
}

bool MemoryNames::take_tag(const oci::RepositoryId& repository, const oci::Tag& tag, const oci::Digest& digest,
                           WallTime now) {
  const auto held = find_tag(repository, tag);
  if (!held || held->digest != digest || pins_.contains({repository, tag.to_string()})) return false;
  return remove_tag(repository, tag, now).has_value();
}

bool MemoryNames::take_manifest(const oci::RepositoryId& repository, const oci::Digest& digest, WallTime untagged_by,
                                WallTime now) {
  const Repository* const in = known(repository);
  if (in == nullptr || !in->manifests.contains(digest)) return false;
  const auto is_wanted = [&](const oci::Digest& one) {
    const auto since = in->untagged.find(one);
    const bool is_long_untagged = since != in->untagged.end() && since->second <= untagged_by;
    return !is_long_untagged || pins_.contains({repository, one.to_string()}) ||
           (!repository.is_hosted() && does_any_stand_in(*in, {one}));
  };
  const auto& subject = in->manifests.at(digest).subject;
  for (const auto& [other, manifest] : in->manifests) {
    const bool is_company = other == digest || other == subject || manifest.subject == digest;
    if (is_company && is_wanted(other)) return false;
  }
  return remove_manifest(repository, digest, now).has_value();
}

}  // namespace lifeboat::meta
