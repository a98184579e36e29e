#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/call.h"
#include "base/log.h"
#include "base/task.h"
#include "blob/store.h"
#include "meta/store.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "oci/repository_id.h"
#include "registry/addressing.h"
#include "registry/blob_fetch.h"
#include "registry/change_stamps.h"
#include "registry/faults.h"
#include "registry/freshness.h"
#include "registry/holdings.h"
#include "registry/manifest_fetch.h"
#include "sys/clock.h"
#include "sys/metrics.h"

namespace lifeboat::registry {

/// A manifest to be served.
struct ServedManifest {
  oci::Digest digest;
  std::string media_type;
  std::string bytes;
  std::optional<Staleness> stale;  ///< by tag only: a digest cannot be stale
  std::string endpoint;            ///< who was asked for it just now; "": nobody
  /// Until when this may be answered again without asking here; nothing: until the repository's stamp changes.
  std::optional<SteadyTime> valid_until;
};

/// Who is told that a hosted blob is here may rely on it and name it in a push: told once more after this time, it is
/// noted (meta::BlobIndex::renew). An answer is not prepared for longer, so that a blob that was told of stays for the
/// collector's grace less twice this.
inline constexpr Duration kRenewedWithin{std::chrono::minutes(30)};

/// A blob to be served: here, or on its way.
using ServedBlob = std::variant<blob::Content, std::shared_ptr<BlobFetch>>;

/// What is pulled, from the store or through it from upstreams. Any thread.
///
/// Errors: not_found — not here, and the upstream (if any) was reached and is entitled to say so. unavailable /
/// timed_out — not here and could not be asked. corrupt — what is here is not what it should be and could not be had
/// again.
class Pull {
 public:
  Pull(blob::Store& blobs, meta::Store& names, Addressing& addressing, ManifestFetches& manifest_fetches,
       BlobFetches& blob_fetches, Faults& faults, sys::Clock& clock, sys::Metrics& metrics, Log& log);

  Task<ServedManifest> manifest(Call call, oci::RepositoryId repository, oci::Reference reference);
  /// By the deadline of `call` a fetch has something to promise, or it is an error.
  Task<ServedBlob> blob(Call call, oci::RepositoryId repository, oci::Digest digest);
  /// Tags held, united with the upstream's where it answers. `limit` 0: none.
  Task<meta::TagPage> tags(Call call, oci::RepositoryId repository, std::string last, std::size_t limit);
  Task<std::vector<oci::Referrer>> referrers(Call call, oci::RepositoryId repository, oci::Digest subject);

 private:
  Task<meta::BlobRecord> blob_record(Call call, oci::RepositoryId repository, oci::Digest digest);
  Task<ServedManifest> held_manifest(Call call, oci::RepositoryId repository, oci::Digest digest);
  Task<ServedManifest> manifest_by_digest(Call call, oci::RepositoryId repository, oci::Digest digest);
  Task<ServedManifest> hosted_tag(Call call, oci::RepositoryId repository, oci::Tag tag);
  /// Whether what is missing of a held image can be had from the upstream now.
  enum class Rest {
    there,    ///< as far as anybody knows
    unclear,  ///< it has not the tag, or wants a pause: rather something that is held whole
    nowhere,  ///< no
  };
  /// A tag as it is held; where the rest cannot be had, what the tag was before, as long as that can be pulled.
  Task<ServedManifest> held_tag(Call call, oci::RepositoryId repository, meta::TagRecord record,
                                std::optional<Staleness> stale, Rest rest);
  Task<std::optional<ServedManifest>> earlier_tag(Call call, oci::RepositoryId repository, meta::TagRecord record,
                                                  std::string reason);
  Task<ServedManifest> upstream_tag(Call call, oci::RepositoryId repository, oci::Tag tag);
  sys::Counter& answers(const oci::RepositoryId& repository, std::string_view result);

  blob::Store& blobs_;
  meta::Store& names_;
  Addressing& addressing_;
  ManifestFetches& manifest_fetches_;
  BlobFetches& blob_fetches_;
  Faults& faults_;
  Holdings holdings_;
  sys::Clock& clock_;
  sys::Metrics& metrics_;
  Log& log_;
};

}  // namespace lifeboat::registry
