#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/call.h"
#include "base/task.h"
#include "base/time.h"
#include "meta/faults.h"
#include "meta/usage.h"
#include "oci/digest.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "oci/repository_id.h"
#include "oci/upload_id.h"

/// Names to digests, in one transactional store. What a write returned as done survives `kill -9` and power loss,
/// unless the method says "soon". Reads see every write that has returned. Any thread. Errors: not_found, conflict
/// (with whom), no_space, internal (the message has SQLite's own).
namespace lifeboat::meta {

struct BlobRecord {
  oci::Digest digest;
  uint64_t size_bytes = 0;
};

/// Which blobs exist, and which repository may serve them.
class BlobIndex {
 public:
  virtual ~BlobIndex() = default;
  /// The blob as this repository may serve it: linked there, or named by a manifest the repository has.
  virtual Task<BlobRecord> find(Call call, oci::RepositoryId repository, oci::Digest digest) = 0;
  /// Records the blob, whose bytes were verified to be these, and links it into the repository, which is created when
  /// new. Idempotent; a size that was recorded wrong is put right.
  virtual Task<void> add(Call call, oci::RepositoryId repository, BlobRecord blob) = 0;
  /// Links a blob that `from` may serve into `to` (any repository when `from` is nothing: anonymous mount). not_found
  /// when there is none.
  virtual Task<BlobRecord> mount(Call call, oci::RepositoryId to, std::optional<oci::RepositoryId> from,
                                 oci::Digest digest) = 0;
  /// Removes the link; the bytes are the collector's. not_found; conflict when a manifest of the repository names it
  /// (the message has that manifest's digest).
  virtual Task<void> unlink(Call call, oci::RepositoryId repository, oci::Digest digest) = 0;
  /// Those of `digests` that find() would not find in the repository, in their order.
  virtual Task<std::vector<oci::Digest>> missing(Call call, oci::RepositoryId repository,
                                                 std::vector<oci::Digest> digests) = 0;
  /// As find(), for who answers a client that will rely on it: the blob is kept from the collector as if it had been
  /// added now (the repository gets a link where only a manifest named it), unless that was noted within `within`.
  /// Durable soon.
  virtual Task<BlobRecord> renew(Call call, oci::RepositoryId repository, oci::Digest digest, Duration within) = 0;
};

struct ManifestRecord {
  oci::Digest digest;
  std::string media_type;
  uint64_t size_bytes = 0;
  std::optional<oci::Digest> subject;
  std::string artifact_type;
  std::string annotations_json;
};

enum class EdgeKind { config, layer, manifest };
/// What a manifest names (`subject` stands in the record).
struct Edge {
  EdgeKind kind = EdgeKind::layer;
  oci::Digest to;
  uint64_t size_bytes = 0;
  bool is_required = false;  ///< the repository must have it at the moment the manifest is put
};

/// A condition on the tag before a push (W58): `digest` nothing means "the tag must not exist".
struct TagCondition {
  std::optional<oci::Digest> digest;
};

struct ManifestPut {
  oci::RepositoryId repository;  ///< created when new
  ManifestRecord manifest;
  std::vector<Edge> edges;
  std::vector<oci::Tag> tags;
  std::optional<TagCondition> condition;  ///< applies to all of `tags`; conflict when not met
  std::string source;                     ///< for the tag history: "push" or the upstream's host
  std::optional<WallTime> capture_due{};  ///< what it names is to be fetched then (CaptureIndex)
};

/// Manifests with their edges.
class ManifestIndex {
 public:
  virtual ~ManifestIndex() = default;
  virtual Task<ManifestRecord> find(Call call, oci::RepositoryId repository, oci::Digest digest) = 0;
  /// Manifest, edges, tags and their history in one transaction. Idempotent for the same digest. unavailable: an edge
  /// is required and the repository has not (or no longer) what it names; nothing was written.
  virtual Task<void> put(Call call, ManifestPut put) = 0;
  /// The manifest leaves the repository with all its tags (W68), and the blobs it names count as touched now, so that
  /// it can be put again for as long as the collector leaves them. not_found; conflict when an index of the repository
  /// names it (the message has that index's digest): its tags stay as well.
  virtual Task<void> remove(Call call, oci::RepositoryId repository, oci::Digest digest) = 0;
  /// Manifests of the repository whose subject this is, by digest order. Empty for an unknown repository or subject.
  virtual Task<std::vector<oci::Referrer>> referrers(Call call, oci::RepositoryId repository, oci::Digest subject) = 0;
  /// Those of `digests` that the repository has no manifest for, in their order.
  virtual Task<std::vector<oci::Digest>> missing(Call call, oci::RepositoryId repository,
                                                 std::vector<oci::Digest> digests) = 0;
  /// The indexes of the repository that name this one, by digest order. Empty for what is unknown.
  virtual Task<std::vector<oci::Digest>> parents(Call call, oci::RepositoryId repository, oci::Digest child) = 0;
};

struct TagRecord {
  oci::Tag tag;
  oci::Digest digest;
  WallTime updated{};    ///< when it last got another digest
  WallTime checked{};    ///< upstream repositories: when the upstream last spoke of it; else = updated
  WallTime confirmed{};  ///< upstream repositories: when the upstream last had it; else = updated
  bool is_gone_upstream = false;
};

/// What a tag pointed at, and since when.
struct TagPast {
  oci::Digest digest;
  WallTime since{};
  uint64_t number = 0;   ///< 1, 2, … of this tag, the oldest first
  std::string source{};  ///< who pointed it there: as given to put() or point()
};

struct TagPage {
  std::vector<std::string> tags;  ///< bytewise order (W61)
  bool has_more = false;
};

class TagIndex {
 public:
  virtual ~TagIndex() = default;
  virtual Task<TagRecord> find(Call call, oci::RepositoryId repository, oci::Tag tag) = 0;
  /// Tags after `last` (exclusive, need not exist; "" from the start), at most `limit`. not_found: unknown repository.
  virtual Task<TagPage> list(Call call, oci::RepositoryId repository, std::string last, std::size_t limit) = 0;
  /// Points the tag at a manifest the repository has already (an upstream's tag moved to a digest we hold); notes
  /// `checked` and `confirmed`.
  virtual Task<void> point(Call call, oci::RepositoryId repository, oci::Tag tag, oci::Digest digest,
                           std::string source) = 0;
  /// Only the tag goes (W68). not_found.
  virtual Task<void> remove(Call call, oci::RepositoryId repository, oci::Tag tag) = 0;
  /// The upstream confirmed the tag, or said it is gone, which leaves `confirmed` as it is. Durable soon, not at
  /// return.
  virtual void note_checked(oci::RepositoryId repository, oci::Tag tag, WallTime checked, bool is_gone_upstream) = 0;
  /// Where it pointed, the latest first, at most `limit`; outlives the tag. Empty for what was never there.
  virtual Task<std::vector<TagPast>> history(Call call, oci::RepositoryId repository, oci::Tag tag,
                                             std::size_t limit) = 0;
  /// Tags there are or ever were, after `last`, at most `limit`, as list() has them. Empty for an unknown repository.
  virtual Task<TagPage> remembered(Call call, oci::RepositoryId repository, std::string last, std::size_t limit) = 0;
};

struct RepositoryPage {
  std::vector<std::string> names;  ///< RepositoryId::to_string(), bytewise order
  bool has_more = false;
};

class RepositoryIndex {
 public:
  virtual ~RepositoryIndex() = default;
  virtual Task<bool> contains(Call call, oci::RepositoryId repository) = 0;
  /// Repositories that have at least one manifest or blob, after `last`, at most `limit` (W63).
  virtual Task<RepositoryPage> list(Call call, std::string last, std::size_t limit) = 0;
};

struct UploadRecord {
  oci::UploadId id;
  oci::RepositoryId repository;
  WallTime started{};  ///< or, once it is committed, when that was
  /// Set once the session ended in a commit: what a repeated commit is told (W40).
  std::optional<oci::Digest> committed;
};

/// Upload sessions: which repository a session belongs to. All writes are durable soon; a session lost in a crash is
/// one the client begins anew.
class UploadIndex {
 public:
  virtual ~UploadIndex() = default;
  /// Or another record in the place of one of the same id.
  virtual void add(UploadRecord upload) = 0;
  virtual void remove(oci::UploadId id) = 0;
  virtual Task<UploadRecord> find(Call call, oci::UploadId id) = 0;
  virtual Task<std::vector<UploadRecord>> started_before(Call call, WallTime time) = 0;
};

/// A manifest from an upstream of which not everything may be here yet.
struct CaptureJob {
  oci::RepositoryId repository;
  oci::Digest manifest;
  std::string platforms{};   ///< wanted beyond what the upstream's policy says, with commas, or "all"; "": none
  WallTime due{};            ///< not before
  uint32_t failures = 0;     ///< in a row
  std::string last_error{};  ///< of the last of them
};

struct CaptureTotals {
  uint64_t waiting = 0;
  uint64_t failing = 0;  ///< of these, those that failed the last time
};

/// What is still to be fetched so that a manifest can be pulled whole, and for which platforms a repository is asked.
/// Jobs outlive the process. A job is gone with finish(), or with its manifest.
class CaptureIndex {
 public:
  virtual ~CaptureIndex() = default;
  /// A job, or the one there is made due then, with these platforms beside its own.
  virtual Task<void> add(Call call, oci::RepositoryId repository, oci::Digest manifest, std::string platforms,
                         WallTime due) = 0;
  /// Those due by `time`, the longest due first, at most `limit`.
  virtual Task<std::vector<CaptureJob>> due(Call call, WallTime time, std::size_t limit) = 0;
  virtual Task<std::optional<CaptureJob>> find(Call call, oci::RepositoryId repository, oci::Digest manifest) = 0;
  virtual Task<CaptureTotals> totals(Call call) = 0;
  /// Nothing is left to do of the job as it was given: not when it was added again meanwhile. Durable soon.
  virtual void finish(CaptureJob job) = 0;
  /// It is to be tried again then, with these failures and this error; not when it was added again meanwhile. Durable
  /// soon.
  virtual void postpone(CaptureJob job, WallTime until) = 0;
  /// All jobs of the host's repositories are due now. Durable soon.
  virtual void hurry(oci::RegistryHost host, WallTime now) = 0;

  /// Somebody pulls this platform from the repository. Durable soon; idempotent.
  virtual void note_platform(oci::RepositoryId repository, std::string platform) = 0;
  /// In bytewise order.
  virtual Task<std::vector<std::string>> platforms(Call call, oci::RepositoryId repository) = 0;
};

/// How far work has come that goes over everything again and again, such as the scrubber's.
struct Tour {
  std::string position{};              ///< where to go on, in the words of who goes; "": at its beginning
  std::optional<WallTime> started{};   ///< of the one under way; nothing: none is
  std::optional<WallTime> finished{};  ///< of the last that came to its end; nothing: none has
};

/// Tours by name; they outlive the process.
class TourIndex {
 public:
  virtual ~TourIndex() = default;
  /// As it was noted last; nothing: never.
  virtual Task<std::optional<Tour>> find(Call call, std::string name) = 0;
  /// In the place of what was noted before. Durable soon.
  virtual void note(std::string name, Tour tour) = 0;
};

/// What nothing needs any more: a repository's link to a blob that no manifest of it names, or a blob that no
/// repository links and no manifest names.
struct Reclaimable {
  std::optional<oci::RepositoryId> repository{};  ///< whose link; nothing: the blob's own row
  oci::Digest digest;
  uint64_t size_bytes = 0;
  WallTime touched{};     ///< of a link: when it was made or relied on
  uint64_t links = 0;     ///< of the blob, over all repositories
  bool is_named = false;  ///< by a manifest of any repository: its bytes stay
};

/// How far a look at everything has come. Made by the store alone; a new one is the beginning.
struct ReclaimPosition {
  bool is_at_blobs = false;
  int64_t repository = 0;
  int64_t content = 0;
};

struct ReclaimPage {
  std::vector<Reclaimable> found;
  std::optional<ReclaimPosition> next;  ///< nothing: that was all
};

/// Bytes that had a row once: to be unlinked, unless a row names them again.
struct Condemned {
  oci::Digest digest;
  uint64_t size_bytes = 0;
  WallTime since{};
};

/// What the collector asks and does (registry/upkeep/collector.h). A digest is needed when a blob's row or a manifest
/// of any repository stands for it: exactly then its bytes must be on disk.
class ReclaimIndex {
 public:
  virtual ~ReclaimIndex() = default;
  /// The next of what nothing needs and, of links, nobody touched after `before`; looks at `rows_max` rows or a few.
  virtual Task<ReclaimPage> look(Call call, ReclaimPosition from, WallTime before, std::size_t rows_max) = 0;
  /// Those of `found` of which that is still true go, in one transaction; a digest that nothing needs then is
  /// condemned since `before`. Returns what went.
  virtual Task<std::vector<Reclaimable>> release(Call call, std::vector<Reclaimable> found, WallTime before) = 0;
  /// Condemned at `before` or earlier, the longest condemned first, at most `limit`. Needed ones may be among them.
  virtual Task<std::vector<Condemned>> condemned(Call call, WallTime before, std::size_t limit) = 0;
  /// No longer condemned: their bytes are gone, or are needed. Durable soon.
  virtual void acquit(std::vector<oci::Digest> digests) = 0;
  /// Those of `digests` that are not needed, in their order.
  virtual Task<std::vector<oci::Digest>> unneeded(Call call, std::vector<oci::Digest> digests) = 0;
  /// What a manifest names is recorded again, if the repository has it (still). True: it has.
  virtual Task<bool> restore_edges(Call call, oci::RepositoryId repository, oci::Digest manifest,
                                   std::vector<Edge> edges) = 0;
  /// A page of what the tags of hosted repositories need, whole: digests that have rows. `position` as of look().
  struct RootPage {
    std::vector<oci::Digest> digests;
    std::string next;  ///< "": that was all
  };
  virtual Task<RootPage> needed_by_tags(Call call, std::string position, std::size_t tags_max) = 0;
  /// What is wrong with the names themselves, in words, at most `limit`: empty for a sound store.
  virtual Task<std::vector<std::string>> faults(Call call, std::size_t limit) = 0;
};

struct StoreTotals {
  uint64_t repositories = 0;
  uint64_t manifests = 0;
  uint64_t blobs = 0;
  uint64_t blob_bytes = 0;
};

class Store {
 public:
  virtual ~Store() = default;
  virtual BlobIndex& blobs() = 0;
  virtual ManifestIndex& manifests() = 0;
  virtual TagIndex& tags() = 0;
  virtual RepositoryIndex& repositories() = 0;
  virtual UploadIndex& uploads() = 0;
  virtual CaptureIndex& captures() = 0;
  virtual TourIndex& tours() = 0;
  virtual FaultIndex& faults() = 0;
  virtual ReclaimIndex& reclaim() = 0;
  virtual UsageIndex& usage() = 0;
  virtual Task<StoreTotals> totals(Call call) = 0;
  /// Makes everything durable and releases the database. Nothing may be called after it. Blocks.
  virtual Status close() = 0;
};

}  // namespace lifeboat::meta
