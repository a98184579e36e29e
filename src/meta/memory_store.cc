#include "meta/memory_store.h"

#include <algorithm>
#include <mutex>

#include "base/guarded.h"
#include "meta/memory_names.h"
#include "meta/refusal.h"

namespace lifeboat::meta {
namespace {

/// What the indexes share.
struct Shared {
  const sys::Clock& clock;
  Guarded<MemoryNames> names;

  template <class Work>
  std::invoke_result_t<Work, MemoryNames&> read(const Call& call, Work work) {
    if (call.deadline() < clock.now()) return refusal::too_late("read");
    return names.with(work);
  }
  template <class Work>
  std::invoke_result_t<Work, MemoryNames&> write(const Call& call, Work work) {
    if (call.deadline() < clock.now()) return refusal::too_late("write to");
    return names.with(work);
  }
};

class Blobs final : public BlobIndex {
 public:
  explicit Blobs(Shared& shared) : shared_(shared) {}
  Task<BlobRecord> find(Call call, oci::RepositoryId repository, oci::Digest digest) override {
    co_return shared_.read(call, [&](MemoryNames& names) { return names.find_blob(repository, digest); });
  }
  Task<void> add(Call call, oci::RepositoryId repository, BlobRecord blob) override {
    co_return shared_.write(call,
                            [&](MemoryNames& names) { return names.add_blob(repository, blob, shared_.clock.wall()); });
  }
  Task<BlobRecord> mount(Call call, oci::RepositoryId to, std::optional<oci::RepositoryId> from,
                         oci::Digest digest) override {
    co_return shared_.write(
        call, [&](MemoryNames& names) { return names.mount_blob(to, from, digest, shared_.clock.wall()); });
  }
  Task<void> unlink(Call call, oci::RepositoryId repository, oci::Digest digest) override {
    co_return shared_.write(call, [&](MemoryNames& names) { return names.unlink_blob(repository, digest); });
  }
  Task<std::vector<oci::Digest>> missing(Call call, oci::RepositoryId repository,
                                         std::vector<oci::Digest> digests) override {
    co_return shared_.read(call, [&](MemoryNames& names) -> Result<std::vector<oci::Digest>> {
      std::erase_if(digests, [&](const auto& digest) { return names.find_blob(repository, digest).has_value(); });
      return digests;
    });
  }
  Task<BlobRecord> renew(Call call, oci::RepositoryId repository, oci::Digest digest, Duration within) override {
    co_return shared_.write(
        call, [&](MemoryNames& names) { return names.renew_blob(repository, digest, shared_.clock.wall(), within); });
  }

 private:
  Shared& shared_;
};

class Manifests final : public ManifestIndex {
 public:
  explicit Manifests(Shared& shared) : shared_(shared) {}
  Task<ManifestRecord> find(Call call, oci::RepositoryId repository, oci::Digest digest) override {
    co_return shared_.read(call, [&](MemoryNames& names) { return names.find_manifest(repository, digest); });
  }
  Task<void> put(Call call, ManifestPut put) override {
    co_return shared_.write(call, [&](MemoryNames& names) { return names.put_manifest(put, shared_.clock.wall()); });
  }
  Task<void> remove(Call call, oci::RepositoryId repository, oci::Digest digest) override {
    co_return shared_.write(
        call, [&](MemoryNames& names) { return names.remove_manifest(repository, digest, shared_.clock.wall()); });
  }
  Task<std::vector<oci::Referrer>> referrers(Call call, oci::RepositoryId repository, oci::Digest subject) override {
    co_return shared_.read(call, [&](MemoryNames& names) -> Result<std::vector<oci::Referrer>> {
      return names.referrers(repository, subject);
    });
  }
  Task<std::vector<oci::Digest>> missing(Call call, oci::RepositoryId repository,
                                         std::vector<oci::Digest> digests) override {
    co_return shared_.read(call, [&](MemoryNames& names) -> Result<std::vector<oci::Digest>> {
      std::erase_if(digests, [&](const auto& digest) { return names.find_manifest(repository, digest).has_value(); });
      return digests;
    });
  }
  Task<std::vector<oci::Digest>> parents(Call call, oci::RepositoryId repository, oci::Digest child) override {
    co_return shared_.read(
        call, [&](MemoryNames& names) -> Result<std::vector<oci::Digest>> { return names.parents(repository, child); });
  }

 private:
  Shared& shared_;
};

class Tags final : public TagIndex {
 public:
  explicit Tags(Shared& shared) : shared_(shared) {}
  Task<TagRecord> find(Call call, oci::RepositoryId repository, oci::Tag tag) override {
    co_return shared_.read(call, [&](MemoryNames& names) { return names.find_tag(repository, tag); });
  }
  Task<TagPage> list(Call call, oci::RepositoryId repository, std::string last, std::size_t limit) override {
    co_return shared_.read(call, [&](MemoryNames& names) { return names.list_tags(repository, last, limit); });
  }
  Task<void> point(Call call, oci::RepositoryId repository, oci::Tag tag, oci::Digest digest,
                   std::string source) override {
    co_return shared_.write(call, [&](MemoryNames& names) {
      return names.point_tag(repository, tag, digest, source, shared_.clock.wall());
    });
  }
  Task<void> remove(Call call, oci::RepositoryId repository, oci::Tag tag) override {
    co_return shared_.write(
        call, [&](MemoryNames& names) { return names.remove_tag(repository, tag, shared_.clock.wall()); });
  }
  Task<std::vector<TagPast>> history(Call call, oci::RepositoryId repository, oci::Tag tag,
                                     std::size_t limit) override {
    co_return shared_.read(call, [&](MemoryNames& names) -> Result<std::vector<TagPast>> {
      return names.tag_history(repository, tag, limit);
    });
  }
  Task<TagPage> remembered(Call call, oci::RepositoryId repository, std::string last, std::size_t limit) override {
    co_return shared_.read(
        call, [&](MemoryNames& names) -> Result<TagPage> { return names.remembered_tags(repository, last, limit); });
  }
  void note_checked(oci::RepositoryId repository, oci::Tag tag, WallTime checked, bool is_gone_upstream) override {
    shared_.names.with([&](MemoryNames& names) { names.note_checked(repository, tag, checked, is_gone_upstream); });
  }

 private:
  Shared& shared_;
};

class Repositories final : public RepositoryIndex {
 public:
  explicit Repositories(Shared& shared) : shared_(shared) {}
  Task<bool> contains(Call call, oci::RepositoryId repository) override {
    co_return shared_.read(call, [&](MemoryNames& names) -> Result<bool> { return names.contains(repository); });
  }
  Task<RepositoryPage> list(Call call, std::string last, std::size_t limit) override {
    co_return shared_.read(
        call, [&](MemoryNames& names) -> Result<RepositoryPage> { return names.list_repositories(last, limit); });
  }

 private:
  Shared& shared_;
};

class Uploads final : public UploadIndex {
 public:
  explicit Uploads(Shared& shared) : shared_(shared) {}
  void add(UploadRecord upload) override {
    shared_.names.with([&](MemoryNames& names) { names.uploads.insert_or_assign(upload.id, upload); });
  }
  void remove(oci::UploadId id) override {
    shared_.names.with([&](MemoryNames& names) { names.uploads.erase(id); });
  }
  Task<UploadRecord> find(Call call, oci::UploadId id) override {
    co_return shared_.read(call, [&](MemoryNames& names) -> Result<UploadRecord> {
      const auto found = names.uploads.find(id);
      if (found == names.uploads.end()) return refusal::no_upload(id);
      return found->second;
    });
  }
  Task<std::vector<UploadRecord>> started_before(Call call, WallTime time) override {
    co_return shared_.read(call, [&](MemoryNames& names) -> Result<std::vector<UploadRecord>> {
      std::vector<UploadRecord> uploads;
      for (const auto& [id, upload] : names.uploads) {
        if (upload.started < time) uploads.push_back(upload);
      }
      std::ranges::sort(uploads, {}, &UploadRecord::started);
      return uploads;
    });
  }

 private:
  Shared& shared_;
};

class Captures final : public CaptureIndex {
 public:
  explicit Captures(Shared& shared) : shared_(shared) {}
  Task<void> add(Call call, oci::RepositoryId repository, oci::Digest manifest, std::string platforms,
                 WallTime due) override {
    co_return shared_.write(
        call, [&](MemoryNames& names) { return names.add_capture(repository, manifest, platforms, due); });
  }
  Task<std::vector<CaptureJob>> due(Call call, WallTime now, std::size_t limit) override {
    co_return shared_.read(
        call, [&](MemoryNames& names) -> Result<std::vector<CaptureJob>> { return names.captures_due(now, limit); });
  }
  Task<std::optional<CaptureJob>> find(Call call, oci::RepositoryId repository, oci::Digest manifest) override {
    co_return shared_.read(call, [&](MemoryNames& names) -> Result<std::optional<CaptureJob>> {
      return names.find_capture(repository, manifest);
    });
  }
  Task<CaptureTotals> totals(Call call) override {
    co_return shared_.read(call, [](MemoryNames& names) -> Result<CaptureTotals> { return names.capture_totals(); });
  }
  void finish(CaptureJob job) override {
    shared_.names.with([&](MemoryNames& names) { names.finish_capture(job); });
  }
  void postpone(CaptureJob job, WallTime until) override {
    shared_.names.with([&](MemoryNames& names) { names.postpone_capture(job, until); });
  }
  void hurry(oci::RegistryHost host, WallTime now) override {
    shared_.names.with([&](MemoryNames& names) { names.hurry_captures(host, now); });
  }
  void note_platform(oci::RepositoryId repository, std::string platform) override {
    shared_.names.with([&](MemoryNames& names) { names.note_platform(repository, platform); });
  }
  Task<std::vector<std::string>> platforms(Call call, oci::RepositoryId repository) override {
    co_return shared_.read(
        call, [&](MemoryNames& names) -> Result<std::vector<std::string>> { return names.platforms(repository); });
  }

 private:
  Shared& shared_;
};

class Tours final : public TourIndex {
 public:
  explicit Tours(Shared& shared) : shared_(shared) {}
  Task<std::optional<Tour>> find(Call call, std::string name) override {
    co_return shared_.read(call, [&](MemoryNames& names) -> Result<std::optional<Tour>> {
      const auto found = names.tours.find(name);
      return found == names.tours.end() ? std::nullopt : std::optional(found->second);
    });
  }
  void note(std::string name, Tour tour) override {
    shared_.names.with([&](MemoryNames& names) { names.tours.insert_or_assign(name, tour); });
  }

 private:
  Shared& shared_;
};

class Faults final : public FaultIndex {
 public:
  explicit Faults(Shared& shared) : shared_(shared) {}
  Task<void> note(Call call, Fault fault) override {
    co_return shared_.write(call, [&](MemoryNames& names) -> Status {
      names.note_fault(fault);
      return {};
    });
  }
  Task<void> clear(Call call, oci::Digest digest) override {
    co_return shared_.write(call, [&](MemoryNames& names) -> Status {
      names.clear_fault(digest);
      return {};
    });
  }
  Task<std::optional<Fault>> find(Call call, oci::Digest digest) override {
    co_return shared_.read(
        call, [&](MemoryNames& names) -> Result<std::optional<Fault>> { return names.find_fault(digest); });
  }
  Task<std::vector<Fault>> list(Call call, std::size_t limit) override {
    co_return shared_.read(call,
                           [&](MemoryNames& names) -> Result<std::vector<Fault>> { return names.list_faults(limit); });
  }
  Task<uint64_t> count(Call call) override {
    co_return shared_.read(call, [](MemoryNames& names) -> Result<uint64_t> { return names.count_faults(); });
  }
  void postpone(Fault fault) override {
    shared_.names.with([&](MemoryNames& names) { names.postpone_fault(fault); });
  }
  Task<std::vector<KnownContent>> known(Call call, std::optional<oci::Digest> last, std::size_t limit) override {
    co_return shared_.read(call, [&](MemoryNames& names) -> Result<std::vector<KnownContent>> {
      return names.known_content(last, limit);
    });
  }
  Task<std::vector<oci::Digest>> named_by(Call call, oci::Digest manifest) override {
    co_return shared_.read(
        call, [&](MemoryNames& names) -> Result<std::vector<oci::Digest>> { return names.named_by(manifest); });
  }
  Task<std::vector<ContentPlace>> places(Call call, oci::Digest digest) override {
    co_return shared_.read(
        call, [&](MemoryNames& names) -> Result<std::vector<ContentPlace>> { return names.places_of(digest); });
  }
  Task<std::vector<TagPlace>> tags_over(Call call, oci::Digest digest, std::size_t limit) override {
    co_return shared_.read(
        call, [&](MemoryNames& names) -> Result<std::vector<TagPlace>> { return names.tags_over(digest, limit); });
  }
  Task<std::vector<LostManifest>> lost_manifests(Call call, std::size_t limit) override {
    co_return shared_.read(
        call, [&](MemoryNames& names) -> Result<std::vector<LostManifest>> { return names.lost_manifests(limit); });
  }

 private:
  Shared& shared_;
};

/// Looks at everything at once: nothing here is large.
class Reclaim final : public ReclaimIndex {
 public:
  explicit Reclaim(Shared& shared) : shared_(shared) {}
  Task<ReclaimPage> look(Call call, ReclaimPosition, WallTime before, std::size_t) override {
    co_return shared_.read(call, [&](MemoryNames& names) -> Result<ReclaimPage> {
      return ReclaimPage{.found = names.reclaimable(before), .next = std::nullopt};
    });
  }
  Task<std::vector<Reclaimable>> release(Call call, std::vector<Reclaimable> found, WallTime before) override {
    co_return shared_.write(
        call, [&](MemoryNames& names) -> Result<std::vector<Reclaimable>> { return names.release(found, before); });
  }
  Task<std::vector<Condemned>> condemned(Call call, WallTime before, std::size_t limit) override {
    co_return shared_.read(
        call, [&](MemoryNames& names) -> Result<std::vector<Condemned>> { return names.condemned(before, limit); });
  }
  void acquit(std::vector<oci::Digest> digests) override {
    shared_.names.with([&](MemoryNames& names) { names.acquit(digests); });
  }
  Task<std::vector<oci::Digest>> unneeded(Call call, std::vector<oci::Digest> digests) override {
    co_return shared_.read(call, [&](MemoryNames& names) -> Result<std::vector<oci::Digest>> {
      std::erase_if(digests, [&](const auto& digest) { return names.is_needed(digest); });
      return digests;
    });
  }
  Task<bool> restore_edges(Call call, oci::RepositoryId repository, oci::Digest manifest,
                           std::vector<Edge> edges) override {
    co_return shared_.write(
        call, [&](MemoryNames& names) -> Result<bool> { return names.restore_edges(repository, manifest, edges); });
  }
  Task<RootPage> needed_by_tags(Call call, std::string, std::size_t) override {
    co_return shared_.read(call, [&](MemoryNames& names) -> Result<RootPage> {
      return RootPage{.digests = names.needed_by_tags(), .next = ""};
    });
  }
  Task<std::vector<std::string>> faults(Call call, std::size_t) override {
    co_return shared_.read(call, [](MemoryNames&) -> Result<std::vector<std::string>> {
      return std::vector<std::string>();  // no rule of MemoryNames leaves a tag without its manifest
    });
  }

 private:
  Shared& shared_;
};

class Usage final : public UsageIndex {
 public:
  explicit Usage(Shared& shared) : shared_(shared) {}
  void note_pulled(oci::RepositoryId repository, oci::Digest manifest, WallTime at) override {
    shared_.names.with([&](MemoryNames& names) { names.note_pulled(repository, manifest, at); });
  }
  Task<std::optional<WallTime>> pulled(Call call, oci::RepositoryId repository, oci::Digest manifest) override {
    co_return shared_.read(call, [&](MemoryNames& names) -> Result<std::optional<WallTime>> {
      return names.pulled(repository, manifest);
    });
  }
  Task<void> add_pin(Call call, Pin pin) override {
    co_return shared_.write(call, [&](MemoryNames& names) -> Status {
      names.add_pin(pin);
      return {};
    });
  }
  Task<void> remove_pin(Call call, oci::RepositoryId repository, std::string reference) override {
    co_return shared_.write(call, [&](MemoryNames& names) { return names.remove_pin(repository, reference); });
  }
  Task<std::vector<Pin>> pins(Call call) override {
    co_return shared_.read(call, [](MemoryNames& names) -> Result<std::vector<Pin>> { return names.pins(); });
  }
  Task<std::vector<UsedTag>> tags(Call call, oci::RepositoryId repository, std::string last,
                                  std::size_t limit) override {
    co_return shared_.read(call, [&](MemoryNames& names) -> Result<std::vector<UsedTag>> {
      return names.used_tags(repository, last, limit);
    });
  }
  Task<ManifestPage> manifests(Call call, oci::RepositoryId repository, std::string, std::size_t) override {
    co_return shared_.read(call, [&](MemoryNames& names) -> Result<ManifestPage> {
      return ManifestPage{.manifests = names.used_manifests(repository), .next = ""};
    });
  }
  Task<bool> remove_tag(Call call, oci::RepositoryId repository, oci::Tag tag, oci::Digest digest) override {
    co_return shared_.write(call, [&](MemoryNames& names) -> Result<bool> {
      return names.take_tag(repository, tag, digest, shared_.clock.wall());
    });
  }
  Task<bool> remove_manifest(Call call, oci::RepositoryId repository, oci::Digest digest,
                             WallTime untagged_by) override {
    co_return shared_.write(call, [&](MemoryNames& names) -> Result<bool> {
      return names.take_manifest(repository, digest, untagged_by, shared_.clock.wall());
    });
  }

 private:
  Shared& shared_;
};

/// Looks at everything at once: nothing here is large.
class Eviction final : public EvictionIndex {
 public:
  explicit Eviction(Shared& shared) : shared_(shared) {}
  Task<EvictionPage> look(Call call, EvictionPosition, std::size_t) override {
    co_return shared_.read(call, [](MemoryNames& names) -> Result<EvictionPage> {
      return EvictionPage{.images = names.cached_images(), .next = std::nullopt};
    });
  }
  Task<Evicted> evict(Call call, CachedImage image) override {
    co_return shared_.write(call, [&](MemoryNames& names) -> Result<Evicted> { return names.evict(image); });
  }

 private:
  Shared& shared_;
};

}  // namespace

struct MemoryStore::Parts {
  explicit Parts(const sys::Clock* clock) : shared{clock != nullptr ? *clock : own_clock, {}} {}

  const sys::SystemClock own_clock{};
  Shared shared;
  Blobs blobs{shared};
  Manifests manifests{shared};
  Tags tags{shared};
  Repositories repositories{shared};
  Uploads uploads{shared};
  Captures captures{shared};
  Tours tours{shared};
  Faults faults{shared};
  Reclaim reclaim{shared};
  Usage usage{shared};
  Eviction eviction{shared};
};

MemoryStore::MemoryStore() : parts_(std::make_unique<Parts>(nullptr)) {}
MemoryStore::MemoryStore(const sys::Clock& clock) : parts_(std::make_unique<Parts>(&clock)) {}
MemoryStore::~MemoryStore() = default;

BlobIndex& MemoryStore::blobs() { return parts_->blobs; }
ManifestIndex& MemoryStore::manifests() { return parts_->manifests; }
TagIndex& MemoryStore::tags() { return parts_->tags; }
RepositoryIndex& MemoryStore::repositories() { return parts_->repositories; }
UploadIndex& MemoryStore::uploads() { return parts_->uploads; }
CaptureIndex& MemoryStore::captures() { return parts_->captures; }
TourIndex& MemoryStore::tours() { return parts_->tours; }
FaultIndex& MemoryStore::faults() { return parts_->faults; }
ReclaimIndex& MemoryStore::reclaim() { return parts_->reclaim; }
UsageIndex& MemoryStore::usage() { return parts_->usage; }
EvictionIndex& MemoryStore::eviction() { return parts_->eviction; }

Task<StoreTotals> MemoryStore::totals(Call call) {
  co_return parts_->shared.read(call, [](MemoryNames& names) -> Result<StoreTotals> { return names.totals(); });
}

Status MemoryStore::close() { return {}; }

}  // namespace lifeboat::meta
