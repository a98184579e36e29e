#pragma once

#include <map>
#include <set>
#include <string>

#include "meta/eviction.h"
#include "meta/store.h"

namespace lifeboat::meta {

/// What a MemoryStore holds, and the rules of Store as plain functions over it. One thread at a time.
class MemoryNames {
 public:
  Result<BlobRecord> find_blob(const oci::RepositoryId& repository, const oci::Digest& digest) const;
  Status add_blob(const oci::RepositoryId& repository, const BlobRecord& blob, WallTime now);
  Result<BlobRecord> mount_blob(const oci::RepositoryId& to, const std::optional<oci::RepositoryId>& from,
                                const oci::Digest& digest, WallTime now);
  Result<BlobRecord> renew_blob(const oci::RepositoryId& repository, const oci::Digest& digest, WallTime now,
                                Duration within);
  Status unlink_blob(const oci::RepositoryId& repository, const oci::Digest& digest);

  Result<ManifestRecord> find_manifest(const oci::RepositoryId& repository, const oci::Digest& digest) const;
  Status put_manifest(const ManifestPut& put, WallTime now);
  Status remove_manifest(const oci::RepositoryId& repository, const oci::Digest& digest, WallTime now);
  std::vector<oci::Digest> parents(const oci::RepositoryId& repository, const oci::Digest& child) const;
  std::vector<oci::Referrer> referrers(const oci::RepositoryId& repository, const oci::Digest& subject) const;

  Result<TagRecord> find_tag(const oci::RepositoryId& repository, const oci::Tag& tag) const;
  Result<TagPage> list_tags(const oci::RepositoryId& repository, const std::string& last, std::size_t limit) const;
  Status point_tag(const oci::RepositoryId& repository, const oci::Tag& tag, const oci::Digest& digest,
                   const std::string& source, WallTime now);
  Status remove_tag(const oci::RepositoryId& repository, const oci::Tag& tag, WallTime now);
  std::vector<TagPast> tag_history(const oci::RepositoryId& repository, const oci::Tag& tag, std::size_t limit) const;
  TagPage remembered_tags(const oci::RepositoryId& repository, const std::string& last, std::size_t limit) const;
  void note_checked(const oci::RepositoryId& repository, const oci::Tag& tag, WallTime checked, bool is_gone);

  Status add_capture(const oci::RepositoryId& repository, const oci::Digest& manifest, const std::string& platforms,
                     WallTime due);
  std::vector<CaptureJob> captures_due(WallTime now, std::size_t limit) const;
  std::optional<CaptureJob> find_capture(const oci::RepositoryId& repository, const oci::Digest& manifest) const;
  CaptureTotals capture_totals() const;
  void finish_capture(const CaptureJob& job);
  void postpone_capture(const CaptureJob& job, WallTime until);
  void hurry_captures(const oci::RegistryHost& host, WallTime now);
  void note_platform(const oci::RepositoryId& repository, const std::string& platform);
  std::vector<std::string> platforms(const oci::RepositoryId& repository) const;

  void note_fault(const Fault& fault);
  void clear_fault(const oci::Digest& digest);
  std::optional<Fault> find_fault(const oci::Digest& digest) const;
  std::vector<Fault> list_faults(std::size_t limit) const;
  uint64_t count_faults() const { return faults_.size(); }
  void postpone_fault(const Fault& fault);
  std::vector<KnownContent> known_content(const std::optional<oci::Digest>& last, std::size_t limit) const;
  std::vector<oci::Digest> named_by(const oci::Digest& manifest) const;
  std::vector<ContentPlace> places_of(const oci::Digest& digest) const;
  std::vector<TagPlace> tags_over(const oci::Digest& digest, std::size_t limit) const;
  std::vector<LostManifest> lost_manifests(std::size_t limit) const;

  std::vector<Reclaimable> reclaimable(WallTime before) const;
  std::vector<Reclaimable> release(const std::vector<Reclaimable>& found, WallTime before);
  std::vector<Condemned> condemned(WallTime before, std::size_t limit) const;
  void acquit(const std::vector<oci::Digest>& digests);
  bool is_needed(const oci::Digest& digest) const;
  std::vector<oci::Digest> needed_by_tags() const;
  bool restore_edges(const oci::RepositoryId& repository, const oci::Digest& manifest, const std::vector<Edge>& edges);

  void note_pulled(const oci::RepositoryId& repository, const oci::Digest& manifest, WallTime at);
  std::optional<WallTime> pulled(const oci::RepositoryId& repository, const oci::Digest& manifest) const;
  void add_pin(const Pin& pin);
  Status remove_pin(const oci::RepositoryId& repository, const std::string& reference);
  std::vector<Pin> pins() const;
  std::vector<UsedTag> used_tags(const oci::RepositoryId& repository, const std::string& last, std::size_t limit) const;
  std::vector<UsedManifest> used_manifests(const oci::RepositoryId& repository) const;
  bool take_tag(const oci::RepositoryId& repository, const oci::Tag& tag, const oci::Digest& digest, WallTime now);
  bool take_manifest(const oci::RepositoryId& repository, const oci::Digest& digest, WallTime untagged_by,
                     WallTime now);

  std::vector<CachedImage> cached_images() const;
  Evicted evict(const CachedImage& image);

  bool contains(const oci::RepositoryId& repository) const { return repositories_.contains(repository); }
  RepositoryPage list_repositories(const std::string& last, std::size_t limit) const;
  StoreTotals totals() const;

  std::map<oci::UploadId, UploadRecord> uploads;
  std::map<std::string, Tour> tours;

 private:
  struct Repository {
    std::map<oci::Digest, WallTime> links;  // and when they were touched
    std::map<oci::Digest, ManifestRecord> manifests;
    std::map<std::string, TagRecord> tags;
    std::map<std::string, std::vector<TagPast>> history;  // by tag, the oldest first
    std::map<oci::Digest, CaptureJob> captures;
    std::set<std::string> platforms;
    std::map<oci::Digest, WallTime> pulls;     // by manifest
    std::map<oci::Digest, WallTime> untagged;  // manifests without a tag, and since when
    bool has_content() const { return !links.empty() || !manifests.empty(); }
  };

  /// The capture as it was given out; null when it is gone or was added again.
  CaptureJob* same_capture(const CaptureJob& job);
  const Repository* known(const oci::RepositoryId& repository) const;
  Repository* known(const oci::RepositoryId& repository);
  /// The first manifest of the repository that names the digest as a blob.
  const ManifestRecord* parent_of(const Repository& repository, const oci::Digest& digest) const;
  bool may_serve(const Repository& repository, const oci::Digest& digest) const;
  /// The same, whatever faults are known.
  bool may_serve_at_all(const Repository& repository, const oci::Digest& digest) const;
  /// It, and the manifests of the repository that lead to it.
  std::set<oci::Digest> manifests_over(const Repository& repository, const oci::Digest& digest) const;
  Status check_condition(const ManifestPut& put) const;
  Status check_required(const ManifestPut& put) const;
  static void note_tagging(Repository& repository, const oci::Digest& manifest, WallTime now);
  void put_edges(const oci::Digest& manifest, const std::vector<Edge>& edges);
  bool has_manifest_anywhere(const oci::Digest& digest) const;
  std::size_t links_of(const oci::Digest& digest) const;
  bool is_named(const oci::Digest& blob) const;
  bool has_row(const oci::Digest& digest) const;
  /// A manifest of the repository names the digest, as whatever.
  bool leads_to(const Repository& repository, const oci::Digest& digest) const;
  /// A manifest names the blob that the repository has, or that is missed there.
  bool keeps_link(const Repository& repository, const oci::Digest& blob) const;
  bool take_link(const Reclaimable& link, WallTime before);
  bool take_blob(const oci::Digest& digest, WallTime since);
  /// What in the repository leads to the manifest: the indexes that name it, and its subject.
  std::set<oci::Digest> over(const oci::RepositoryId& repository, const oci::Digest& manifest) const;
  /// What the manifest leads to in the repository, itself first.
  std::vector<oci::Digest> members(const oci::RepositoryId& repository, const oci::Digest& root) const;
  WallTime last_use(const Repository& in, const std::vector<oci::Digest>& members) const;
  bool is_any_pinned(const oci::RepositoryId& repository, const std::vector<oci::Digest>& members) const;
  /// A tag has left one of them for a manifest that is still to be captured.
  static bool does_any_stand_in(const Repository& in, const std::vector<oci::Digest>& members);
  void take_members(Repository& in, const std::vector<oci::Digest>& going, Evicted& evicted);
  void move_tag(const oci::RepositoryId& repository, const oci::Tag& tag, const oci::Digest& digest,
                const std::string& source, WallTime now);

  std::map<oci::RepositoryId, Repository> repositories_;
  std::map<oci::Digest, uint64_t> blobs_;
  std::map<oci::Digest, std::vector<Edge>> edges_;  // by parent
  std::map<oci::Digest, Fault> faults_;
  std::map<oci::Digest, Condemned> condemned_;
  std::map<std::pair<oci::RepositoryId, std::string>, Pin> pins_;  // and by reference
};

}  // namespace lifeboat::meta
