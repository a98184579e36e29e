#include "test/gc/gated_stores.h"

namespace lifeboat::gc {
namespace {

class GatedWriter final : public blob::Writer {
 public:
  GatedWriter(std::unique_ptr<blob::Writer> writer, Disk& disk, const sys::Clock& clock, Turns& turns)
      : writer_(std::move(writer)), disk_(disk), clock_(clock), turns_(turns) {}

  const oci::UploadId& id() const override { return writer_->id(); }
  uint64_t received() const override { return writer_->received(); }
  uint64_t written() const override { return writer_->written(); }
  void on_written(std::function<void(uint64_t)> notify) override { writer_->on_written(std::move(notify)); }
  Task<void> append(sys::Block block) override { co_return co_await writer_->append(std::move(block)); }
  Task<void> flush() override { co_return co_await writer_->flush(); }
  Result<std::shared_ptr<const sys::ReadableFile>> readable() override { return writer_->readable(); }
  Task<blob::Content> commit(oci::Digest expected) override {
    co_await turns_.wait();
    auto content = co_await writer_->commit(expected);
    if (content) disk_.written.try_emplace(expected, clock_.wall());
    co_await turns_.wait();
    co_return content;
  }
  Task<void> discard() override { co_return co_await writer_->discard(); }

 private:
  std::unique_ptr<blob::Writer> writer_;
  Disk& disk_;
  const sys::Clock& clock_;
  Turns& turns_;
};

}  // namespace

Task<blob::Content> GatedBlobs::open(Call call, oci::Digest digest) {
  co_await turns_.wait();
  co_return co_await disk_.blobs.open(call, digest);
}

Task<void> GatedBlobs::put(Call call, oci::Digest digest, std::string bytes) {
  co_await turns_.wait();
  const Status done = co_await disk_.blobs.put(call, digest, std::move(bytes));
  disk_.written.try_emplace(digest, clock_.wall());
  co_await turns_.wait();
  co_return done;
}

Task<std::unique_ptr<blob::Writer>> GatedBlobs::begin(Call call, oci::UploadId id, HashAlgorithm algorithm) {
  LB_CO_TRY(auto writer, co_await disk_.blobs.begin(call, id, algorithm));
  co_return std::make_unique<GatedWriter>(std::move(writer), disk_, clock_, turns_);
}

Task<std::unique_ptr<blob::Writer>> GatedBlobs::resume(Call call, oci::UploadId id, HashAlgorithm algorithm) {
  LB_CO_TRY(auto writer, co_await disk_.blobs.resume(call, id, algorithm));
  co_return std::make_unique<GatedWriter>(std::move(writer), disk_, clock_, turns_);
}

Task<void> GatedBlobs::discard(Call call, oci::UploadId id) { return disk_.blobs.discard(std::move(call), id); }
Task<std::vector<blob::StoredSession>> GatedBlobs::sessions(Call call) { return disk_.blobs.sessions(std::move(call)); }

Task<void> GatedBlobs::remove(Call call, oci::Digest digest) {
  co_await turns_.wait();
  const Status done = co_await disk_.blobs.remove(call, digest);
  disk_.written.erase(digest);
  co_await turns_.wait();
  co_return done;
}

Task<std::vector<oci::Digest>> GatedBlobs::shard(Call call, std::size_t index) {
  auto found = co_await disk_.blobs.shard(call, index);
  // Most shards are empty: no history differs by a step there.
  if (found && !found->empty()) co_await turns_.wait();
  co_return found;
}

Task<std::optional<blob::StoredContent>> GatedBlobs::find(Call call, oci::Digest digest) {
  co_await turns_.wait();
  LB_CO_TRY(auto found, co_await disk_.blobs.find(call, digest));
  if (found) found->modified = disk_.written.at(digest);
  co_return found;
}

Task<std::vector<oci::Digest>> GatedBlobs::absent(Call call, std::vector<oci::Digest> digests) {
  co_await turns_.wait();
  co_return co_await disk_.blobs.absent(call, std::move(digests));
}

namespace {

/// An operation between two turns.
template <class T>
Task<T> between(Turns& turns, Task<T> operation) {
  co_await turns.wait();
  Result<T> outcome = co_await std::move(operation);
  co_await turns.wait();
  co_return outcome;
}

using oci::Digest;
using oci::RepositoryId;

class Blobs final : public meta::BlobIndex {
 public:
  Blobs(meta::BlobIndex& real, Turns& turns, const Mutation& mutation)
      : real_(real), turns_(turns), mutation_(mutation) {}
  Task<meta::BlobRecord> find(Call call, RepositoryId repository, Digest digest) override {
    return between(turns_, real_.find(std::move(call), std::move(repository), digest));
  }
  Task<void> add(Call call, RepositoryId repository, meta::BlobRecord blob) override {
    return between(turns_, real_.add(std::move(call), std::move(repository), blob));
  }
  Task<meta::BlobRecord> mount(Call call, RepositoryId to, std::optional<RepositoryId> from, Digest digest) override {
    return between(turns_, real_.mount(std::move(call), std::move(to), std::move(from), digest));
  }
  Task<void> unlink(Call call, RepositoryId repository, Digest digest) override {
    return between(turns_, real_.unlink(std::move(call), std::move(repository), digest));
  }
  Task<std::vector<Digest>> missing(Call call, RepositoryId repository, std::vector<Digest> digests) override {
    return between(turns_, real_.missing(std::move(call), std::move(repository), std::move(digests)));
  }
  Task<meta::BlobRecord> renew(Call call, RepositoryId repository, Digest digest, Duration within) override {
    if (mutation_.without_renewal) return find(std::move(call), std::move(repository), digest);
    return between(turns_, real_.renew(std::move(call), std::move(repository), digest, within));
  }

 private:
  meta::BlobIndex& real_;
  Turns& turns_;
  const Mutation mutation_;
};

class Manifests final : public meta::ManifestIndex {
 public:
  Manifests(meta::ManifestIndex& real, Turns& turns, const Mutation& mutation)
      : real_(real), turns_(turns), mutation_(mutation) {}
  Task<meta::ManifestRecord> find(Call call, RepositoryId repository, Digest digest) override {
    return between(turns_, real_.find(std::move(call), std::move(repository), digest));
  }
  Task<void> put(Call call, meta::ManifestPut put) override {
    for (meta::Edge& edge : put.edges) edge.is_required = edge.is_required && !mutation_.without_recheck;
    return between(turns_, real_.put(std::move(call), std::move(put)));
  }
  Task<void> remove(Call call, RepositoryId repository, Digest digest) override {
    return between(turns_, real_.remove(std::move(call), std::move(repository), digest));
  }
  Task<std::vector<oci::Referrer>> referrers(Call call, RepositoryId repository, Digest subject) override {
    return real_.referrers(std::move(call), std::move(repository), subject);
  }
  Task<std::vector<Digest>> missing(Call call, RepositoryId repository, std::vector<Digest> digests) override {
    return between(turns_, real_.missing(std::move(call), std::move(repository), std::move(digests)));
  }
  Task<std::vector<Digest>> parents(Call call, RepositoryId repository, Digest child) override {
    return real_.parents(std::move(call), std::move(repository), child);
  }

 private:
  meta::ManifestIndex& real_;
  Turns& turns_;
  const Mutation mutation_;
};

class Reclaim final : public meta::ReclaimIndex {
 public:
  Reclaim(meta::ReclaimIndex& real, Turns& turns, const Mutation& mutation)
      : real_(real), turns_(turns), mutation_(mutation) {}
  Task<meta::ReclaimPage> look(Call call, meta::ReclaimPosition from, WallTime before, std::size_t rows_max) override {
    return between(turns_, real_.look(std::move(call), from, before, rows_max));
  }
  Task<std::vector<meta::Reclaimable>> release(Call call, std::vector<meta::Reclaimable> found,
                                               WallTime before) override {
    return between(turns_, real_.release(std::move(call), std::move(found), before));
  }
  Task<std::vector<meta::Condemned>> condemned(Call call, WallTime before, std::size_t limit) override {
    return between(turns_, real_.condemned(std::move(call), before, limit));
  }
  void acquit(std::vector<Digest> digests) override { real_.acquit(std::move(digests)); }
  Task<std::vector<Digest>> unneeded(Call call, std::vector<Digest> digests) override {
    const bool is_last_question = digests.size() == 1;
    if (mutation_.unlinks_unasked && is_last_question) co_return digests;
    co_return co_await between(turns_, real_.unneeded(std::move(call), std::move(digests)));
  }
  Task<bool> restore_edges(Call call, RepositoryId repository, Digest manifest,
                           std::vector<meta::Edge> edges) override {
    return between(turns_, real_.restore_edges(std::move(call), std::move(repository), manifest, std::move(edges)));
  }
  Task<RootPage> needed_by_tags(Call call, std::string position, std::size_t tags_max) override {
    return between(turns_, real_.needed_by_tags(std::move(call), std::move(position), tags_max));
  }
  Task<std::vector<std::string>> faults(Call call, std::size_t limit) override {
    return real_.faults(std::move(call), limit);
  }

 private:
  meta::ReclaimIndex& real_;
  Turns& turns_;
  const Mutation mutation_;
};

class Usage final : public meta::UsageIndex {
 public:
  Usage(meta::UsageIndex& real, Turns& turns) : real_(real), turns_(turns) {}
  void note_pulled(RepositoryId repository, Digest manifest, WallTime at) override {
    real_.note_pulled(std::move(repository), manifest, at);
  }
  Task<std::optional<WallTime>> pulled(Call call, RepositoryId repository, Digest manifest) override {
    return real_.pulled(std::move(call), std::move(repository), manifest);
  }
  Task<void> add_pin(Call call, meta::Pin pin) override {
    return between(turns_, real_.add_pin(std::move(call), std::move(pin)));
  }
  Task<void> remove_pin(Call call, RepositoryId repository, std::string reference) override {
    return between(turns_, real_.remove_pin(std::move(call), std::move(repository), std::move(reference)));
  }
  Task<std::vector<meta::Pin>> pins(Call call) override { return between(turns_, real_.pins(std::move(call))); }
  Task<std::vector<meta::UsedTag>> tags(Call call, RepositoryId repository, std::string last,
                                        std::size_t limit) override {
    return between(turns_, real_.tags(std::move(call), std::move(repository), std::move(last), limit));
  }
  Task<ManifestPage> manifests(Call call, RepositoryId repository, std::string position, std::size_t limit) override {
    return between(turns_, real_.manifests(std::move(call), std::move(repository), std::move(position), limit));
  }
  Task<bool> remove_tag(Call call, RepositoryId repository, oci::Tag tag, Digest digest) override {
    return between(turns_, real_.remove_tag(std::move(call), std::move(repository), std::move(tag), digest));
  }
  Task<bool> remove_manifest(Call call, RepositoryId repository, Digest digest, WallTime untagged_by) override {
    return between(turns_, real_.remove_manifest(std::move(call), std::move(repository), digest, untagged_by));
  }

 private:
  meta::UsageIndex& real_;
  Turns& turns_;
};

}  // namespace

Task<meta::EvictionPage> GatedEviction::look(Call call, meta::EvictionPosition from, std::size_t rows_max) {
  return between(turns_, names_.eviction().look(std::move(call), from, rows_max));
}

Task<meta::Evicted> GatedEviction::evict(Call call, meta::CachedImage image) {
  if (mutation_.evicts_used) image.used = WallTime::max();
  if (mutation_.evicts_pinned) return between(turns_, evict_unasked(std::move(call), std::move(image)));
  return between(turns_, names_.eviction().evict(std::move(call), std::move(image)));
}

Task<meta::Evicted> GatedEviction::evict_unasked(Call call, meta::CachedImage image) {
  LB_CO_TRY(const auto pins, co_await names_.usage().pins(call));
  for (const meta::Pin& pin : pins) {
    LB_CO_CHECK(co_await names_.usage().remove_pin(call, pin.repository, pin.reference));
  }
  auto evicted = co_await names_.eviction().evict(call, std::move(image));
  for (const meta::Pin& pin : pins) LB_CO_CHECK(co_await names_.usage().add_pin(call, pin));
  co_return evicted;
}

struct GatedNames::Parts {
  Blobs blobs;
  Manifests manifests;
  Reclaim reclaim;
  Usage usage;
};

GatedNames::GatedNames(meta::Store& names, Turns& turns, const Mutation& mutation)
    : names_(names),
      parts_(new Parts{Blobs(names.blobs(), turns, mutation), Manifests(names.manifests(), turns, mutation),
                       Reclaim(names.reclaim(), turns, mutation), Usage(names.usage(), turns)}) {}
GatedNames::~GatedNames() = default;

meta::BlobIndex& GatedNames::blobs() { return parts_->blobs; }
meta::ManifestIndex& GatedNames::manifests() { return parts_->manifests; }
// Pushes and deletes of tags are one operation each, and the product adds no step of its own around them.
meta::TagIndex& GatedNames::tags() { return names_.tags(); }
meta::ReclaimIndex& GatedNames::reclaim() { return parts_->reclaim; }
meta::UsageIndex& GatedNames::usage() { return parts_->usage; }

}  // namespace lifeboat::gc
