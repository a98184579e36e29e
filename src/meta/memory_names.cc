#include "meta/memory_names.h"

#include <algorithm>
#include <tuple>

#include "meta/platform_list.h"
#include "meta/refusal.h"

namespace lifeboat::meta {
namespace {

/// The texts after `last`, at most `limit`; true when there are more.
template <class Texts>
bool copy_page(const Texts& sorted, const std::string& last, std::size_t limit, std::vector<std::string>& page) {
  if (limit == 0) return false;
  for (auto text = sorted.upper_bound(last); text != sorted.end(); ++text) {
    if (page.size() == limit) return true;
    page.push_back(*text);
  }
  return false;
}

}  // namespace

const MemoryNames::Repository* MemoryNames::known(const oci::RepositoryId& repository) const {
  const auto found = repositories_.find(repository);
  return found == repositories_.end() ? nullptr : &found->second;
}

MemoryNames::Repository* MemoryNames::known(const oci::RepositoryId& repository) {
  const auto found = repositories_.find(repository);
  return found == repositories_.end() ? nullptr : &found->second;
}

const ManifestRecord* MemoryNames::parent_of(const Repository& repository, const oci::Digest& digest) const {
  for (const auto& [parent, manifest] : repository.manifests) {
    const auto edges = edges_.find(parent);
    if (edges == edges_.end()) continue;
    for (const Edge& edge : edges->second) {
      if (edge.kind != EdgeKind::manifest && edge.to == digest) return &manifest;
    }
  }
  return nullptr;
}

bool MemoryNames::may_serve(const Repository& repository, const oci::Digest& digest) const {
  return !faults_.contains(digest) && may_serve_at_all(repository, digest);
}

bool MemoryNames::may_serve_at_all(const Repository& repository, const oci::Digest& digest) const {
  if (!blobs_.contains(digest)) return false;
  return repository.links.contains(digest) || parent_of(repository, digest) != nullptr;
}

Result<BlobRecord> MemoryNames::find_blob(const oci::RepositoryId& repository, const oci::Digest& digest) const {
  const Repository* const in = known(repository);
  if (in == nullptr || !may_serve(*in, digest)) return refusal::no_blob(repository, digest);
  return BlobRecord{digest, blobs_.at(digest)};
}

Status MemoryNames::add_blob(const oci::RepositoryId& repository, const BlobRecord& blob, WallTime now) {
  blobs_.insert_or_assign(blob.digest, blob.size_bytes);
  repositories_[repository].links.insert_or_assign(blob.digest, now);
  clear_fault(blob.digest);
  return {};
}

Result<BlobRecord> MemoryNames::mount_blob(const oci::RepositoryId& to, const std::optional<oci::RepositoryId>& from,
                                           const oci::Digest& digest, WallTime now) {
  const bool is_there = std::ranges::any_of(repositories_, [&](const auto& entry) {
    return (!from || entry.first == *from) && may_serve(entry.second, digest);
  });
  if (!is_there) return refusal::no_blob_to_mount(from, digest);
  repositories_[to].links.insert_or_assign(digest, now);
  return BlobRecord{digest, blobs_.at(digest)};
}

Result<BlobRecord> MemoryNames::renew_blob(const oci::RepositoryId& repository, const oci::Digest& digest, WallTime now,
                                           Duration within) {
  LB_TRY(const BlobRecord blob, find_blob(repository, digest));
  const auto [link, is_new] = repositories_[repository].links.emplace(digest, now);
  if (!is_new && link->second < now - within) link->second = now;
  return blob;
}

Status MemoryNames::unlink_blob(const oci::RepositoryId& repository, const oci::Digest& digest) {
  Repository* const in = known(repository);
  if (in == nullptr || !may_serve(*in, digest)) return refusal::no_blob(repository, digest);
  if (const ManifestRecord* const by = parent_of(*in, digest)) {
    return refusal::blob_in_use(repository, digest, by->digest);
  }
  in->links.erase(digest);
  return {};
}

Result<ManifestRecord> MemoryNames::find_manifest(const oci::RepositoryId& repository,
                                                  const oci::Digest& digest) const {
  const Repository* const in = known(repository);
  const bool is_there = in != nullptr && in->manifests.contains(digest) && !faults_.contains(digest);
  if (!is_there) return refusal::no_manifest(repository, digest);
  return in->manifests.at(digest);
}

Status MemoryNames::check_condition(const ManifestPut& put) const {
  if (!put.condition) return {};
  for (const oci::Tag& tag : put.tags) {
    const auto held = find_tag(put.repository, tag);
    const auto at = held ? std::optional(held->digest) : std::nullopt;
    if (at != put.condition->digest) {
      return refusal::tag_elsewhere(put.repository, tag, {.got = at, .want = put.condition->digest});
    }
  }
  return {};
}

Status MemoryNames::check_required(const ManifestPut& put) const {
  const Repository* const in = known(put.repository);
  for (const Edge& edge : put.edges) {
    if (!edge.is_required) continue;
    const bool is_here =
        in != nullptr && (edge.kind == EdgeKind::manifest ? in->manifests.contains(edge.to) : may_serve(*in, edge.to));
    if (!is_here) return refusal::lacks_required(put.repository, put.manifest.digest, edge.to);
  }
  return {};
}

bool MemoryNames::has_manifest_anywhere(const oci::Digest& digest) const {
  return std::ranges::any_of(repositories_, [&](const auto& entry) { return entry.second.manifests.contains(digest); });
}

void MemoryNames::put_edges(const oci::Digest& manifest, const std::vector<Edge>& edges) {
  std::vector<Edge>& known = edges_[manifest];
  for (const Edge& edge : edges) {
    const auto is_same = [&](const Edge& other) { return other.kind == edge.kind && other.to == edge.to; };
    if (std::ranges::none_of(known, is_same)) known.push_back(edge);
  }
}

Status MemoryNames::put_manifest(const ManifestPut& put, WallTime now) {
  LB_CHECK(check_condition(put));
  LB_CHECK(check_required(put));
  repositories_[put.repository].manifests.insert_or_assign(put.manifest.digest, put.manifest);
  clear_fault(put.manifest.digest);
  put_edges(put.manifest.digest, put.edges);
  for (const oci::Tag& tag : put.tags) move_tag(put.repository, tag, put.manifest.digest, put.source, now);
  Repository& in = *known(put.repository);
  in.untagged.erase(put.manifest.digest);
  note_tagging(in, put.manifest.digest, now);
  if (put.capture_due) return add_capture(put.repository, put.manifest.digest, "", *put.capture_due);
  return {};
}

Status MemoryNames::remove_manifest(const oci::RepositoryId& repository, const oci::Digest& digest, WallTime now) {
  Repository* const in = known(repository);
  if (in == nullptr || !in->manifests.contains(digest)) return refusal::no_manifest(repository, digest);
  const std::vector<oci::Digest> by = parents(repository, digest);
  if (!by.empty()) return refusal::manifest_in_use(repository, digest, by.front());
  const uint64_t size_bytes = in->manifests.at(digest).size_bytes;
  if (const auto edges = edges_.find(digest); edges != edges_.end()) {
    for (const Edge& edge : edges->second) {
      if (edge.kind != EdgeKind::manifest && blobs_.contains(edge.to)) {
        WallTime& touched = in->links[edge.to];
        touched = std::max(touched, now);
      }
    }
  }
  in->manifests.erase(digest);
  std::erase_if(in->tags, [&](const auto& entry) { return entry.second.digest == digest; });
  in->captures.erase(digest);
  in->pulls.erase(digest);
  in->untagged.erase(digest);
  if (!has_manifest_anywhere(digest)) edges_.erase(digest);
  // Of a hosted one the time is known even when a cache, that keeps no grace, lets go of the same later.
  if (repository.is_hosted() || !is_needed(digest)) {
    WallTime& noted = condemned_.try_emplace(digest, Condemned{digest, size_bytes, now}).first->second.since;
    noted = std::max(noted, now);
  }
  return {};
}

std::vector<oci::Referrer> MemoryNames::referrers(const oci::RepositoryId& repository,
                                                  const oci::Digest& subject) const {
  std::vector<oci::Referrer> referrers;
  const Repository* const in = known(repository);
  if (in == nullptr) return referrers;
  for (const auto& [digest, manifest] : in->manifests) {
    if (manifest.subject != subject) continue;
    referrers.push_back({.digest = digest,
                         .media_type = manifest.media_type,
                         .size_bytes = manifest.size_bytes,
                         .artifact_type = manifest.artifact_type,
                         .annotations_json = manifest.annotations_json});
  }
  return referrers;
}

Result<TagRecord> MemoryNames::find_tag(const oci::RepositoryId& repository, const oci::Tag& tag) const {
  const Repository* const in = known(repository);
  if (in == nullptr || !in->tags.contains(tag.to_string())) return refusal::no_tag(repository, tag);
  return in->tags.at(tag.to_string());
}

Result<TagPage> MemoryNames::list_tags(const oci::RepositoryId& repository, const std::string& last,
                                       std::size_t limit) const {
  const Repository* const in = known(repository);
  if (in == nullptr) return refusal::no_repository(repository);
  std::set<std::string> names;
  for (const auto& [name, tag] : in->tags) names.insert(name);
  TagPage page;
  page.has_more = copy_page(names, last, limit, page.tags);
  return page;
}

void MemoryNames::move_tag(const oci::RepositoryId& repository, const oci::Tag& tag, const oci::Digest& digest,
                           const std::string& source, WallTime now) {
  auto& tags = repositories_[repository].tags;
  const auto held = tags.find(tag.to_string());
  if (held != tags.end() && held->second.digest == digest) {
    if (!repository.is_hosted()) note_checked(repository, tag, now, false);
    return;
  }
  const auto before = held == tags.end() ? std::nullopt : std::optional(held->second.digest);
  tags.insert_or_assign(tag.to_string(),
                        TagRecord{.tag = tag, .digest = digest, .updated = now, .checked = now, .confirmed = now});
  std::vector<TagPast>& history = repositories_[repository].history[tag.to_string()];
  history.push_back({.digest = digest, .since = now, .number = history.size() + 1, .source = source});
  if (before) note_tagging(repositories_[repository], *before, now);
  note_tagging(repositories_[repository], digest, now);
}

std::vector<TagPast> MemoryNames::tag_history(const oci::RepositoryId& repository, const oci::Tag& tag,
                                              std::size_t limit) const {
  std::vector<TagPast> past;
  const Repository* const in = known(repository);
  if (in == nullptr || !in->history.contains(tag.to_string())) return past;
  const std::vector<TagPast>& all = in->history.at(tag.to_string());
  past.assign(all.rbegin(), all.rbegin() + static_cast<std::ptrdiff_t>(std::min(limit, all.size())));
  return past;
}

TagPage MemoryNames::remembered_tags(const oci::RepositoryId& repository, const std::string& last,
                                     std::size_t limit) const {
  TagPage page;
  const Repository* const in = known(repository);
  if (in == nullptr) return page;
  std::set<std::string> names;
  for (const auto& [name, past] : in->history) names.insert(name);
  for (const auto& [name, tag] : in->tags) names.insert(name);
  page.has_more = copy_page(names, last, limit, page.tags);
  return page;
}

std::vector<oci::Digest> MemoryNames::parents(const oci::RepositoryId& repository, const oci::Digest& child) const {
  std::vector<oci::Digest> parents;
  const Repository* const in = known(repository);
  if (in == nullptr) return parents;
  for (const auto& [digest, manifest] : in->manifests) {
    const auto edges = edges_.find(digest);
    if (edges == edges_.end()) continue;
    const auto names_it = [&](const Edge& edge) { return edge.kind == EdgeKind::manifest && edge.to == child; };
    if (std::ranges::any_of(edges->second, names_it)) parents.push_back(digest);
  }
  return parents;
}

Status MemoryNames::add_capture(const oci::RepositoryId& repository, const oci::Digest& manifest,
                                const std::string& platforms, WallTime due) {
  LB_CHECK(find_manifest(repository, manifest));
  CaptureJob& job =
      repositories_[repository].captures.try_emplace(manifest, CaptureJob{repository, manifest}).first->second;
  job.platforms = merged_platforms(job.platforms, platforms);
  job.due = due;
  job.failures = 0;
  job.last_error.clear();
  return {};
}

std::vector<CaptureJob> MemoryNames::captures_due(WallTime now, std::size_t limit) const {
  std::vector<CaptureJob> jobs;
  for (const auto& [id, repository] : repositories_) {
    for (const auto& [digest, job] : repository.captures) {
      if (job.due <= now) jobs.push_back(job);
    }
  }
  std::ranges::sort(jobs, [](const CaptureJob& a, const CaptureJob& b) {
    return std::tie(a.due, a.repository, a.manifest) < std::tie(b.due, b.repository, b.manifest);
  });
  if (jobs.size() > limit) jobs.erase(jobs.begin() + static_cast<std::ptrdiff_t>(limit), jobs.end());
  return jobs;
}

std::optional<CaptureJob> MemoryNames::find_capture(const oci::RepositoryId& repository,
                                                    const oci::Digest& manifest) const {
  const Repository* const in = known(repository);
  if (in == nullptr || !in->captures.contains(manifest)) return std::nullopt;
  return in->captures.at(manifest);
}

CaptureTotals MemoryNames::capture_totals() const {
  CaptureTotals totals;
  for (const auto& [id, repository] : repositories_) {
    totals.waiting += repository.captures.size();
    for (const auto& [digest, job] : repository.captures) totals.failing += job.failures > 0 ? 1 : 0;
  }
  return totals;
}

CaptureJob* MemoryNames::same_capture(const CaptureJob& job) {
  Repository* const in = known(job.repository);
  if (in == nullptr || !in->captures.contains(job.manifest)) return nullptr;
  CaptureJob& held = in->captures.at(job.manifest);
  return held.due == job.due && held.platforms == job.platforms ? &held : nullptr;
}

void MemoryNames::finish_capture(const CaptureJob& job) {
  if (same_capture(job) != nullptr) known(job.repository)->captures.erase(job.manifest);
}

void MemoryNames::postpone_capture(const CaptureJob& job, WallTime until) {
  CaptureJob* const held = same_capture(job);
  if (held == nullptr) return;
  held->due = until;
  held->failures = job.failures;
  held->last_error = job.last_error;
}

void MemoryNames::hurry_captures(const oci::RegistryHost& host, WallTime now) {
  for (auto& [id, repository] : repositories_) {
    if (id.host != host) continue;
    for (auto& [digest, job] : repository.captures) job.due = std::min(job.due, now);
  }
}

void MemoryNames::note_platform(const oci::RepositoryId& repository, const std::string& platform) {
  if (Repository* const in = known(repository)) in->platforms.insert(platform);
}

std::vector<std::string> MemoryNames::platforms(const oci::RepositoryId& repository) const {
  const Repository* const in = known(repository);
  if (in == nullptr) return {};
  return {in->platforms.begin(), in->platforms.end()};
}

Status MemoryNames::point_tag(const oci::RepositoryId& repository, const oci::Tag& tag, const oci::Digest& digest,
                              const std::string& source, WallTime now) {
  LB_CHECK(find_manifest(repository, digest));
  move_tag(repository, tag, digest, source, now);
  return {};
}

Status MemoryNames::remove_tag(const oci::RepositoryId& repository, const oci::Tag& tag, WallTime now) {
  LB_TRY(const TagRecord held, find_tag(repository, tag));
  Repository& in = *known(repository);
  in.tags.erase(tag.to_string());
  note_tagging(in, held.digest, now);
  return {};
}

void MemoryNames::note_checked(const oci::RepositoryId& repository, const oci::Tag& tag, WallTime checked,
                               bool is_gone) {
  Repository* const in = known(repository);
  if (in == nullptr) return;
  const auto held = in->tags.find(tag.to_string());
  if (held == in->tags.end()) return;
  held->second.checked = checked;
  if (!is_gone) held->second.confirmed = checked;
  held->second.is_gone_upstream = is_gone;
}

RepositoryPage MemoryNames::list_repositories(const std::string& last, std::size_t limit) const {
  std::set<std::string> names;
  for (const auto& [id, repository] : repositories_) {
    if (repository.has_content()) names.insert(id.to_string());
  }
  RepositoryPage page;
  page.has_more = copy_page(names, last, limit, page.names);
  return page;
}

StoreTotals MemoryNames::totals() const {
  StoreTotals totals;
  std::set<oci::Digest> manifests;
  for (const auto& [id, repository] : repositories_) {
    if (repository.has_content()) ++totals.repositories;
    for (const auto& [digest, manifest] : repository.manifests) manifests.insert(digest);
  }
  totals.manifests = manifests.size();
  totals.blobs = blobs_.size();
  for (const auto& [digest, size_bytes] : blobs_) totals.blob_bytes += size_bytes;
  return totals;
}

}  // namespace lifeboat::meta
