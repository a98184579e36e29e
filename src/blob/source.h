#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/call.h"
#include "base/task.h"
#include "oci/digest.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "oci/repository_id.h"
#include "sys/block_pool.h"

namespace lifeboat::blob {

/// Bytes on their way from a source, unverified. One coroutine at a time; destroying it ends the transfer.
class Stream {
 public:
  virtual ~Stream() = default;
  /// How long the whole content is, when the source says so, also when the stream begins later. A hint: the bytes
  /// decide.
  virtual std::optional<uint64_t> size_bytes() const = 0;
  /// The next bytes; an empty block after the last. unavailable / timed_out: cut or stalled; corrupt: the body was not
  /// as long as announced.
  virtual Task<sys::Block> next() = 0;
  /// Who gives it, for people: an endpoint's name.
  virtual std::string endpoint() const { return {}; }
  /// All of it came and was not what its digest says: whoever sent it is not to be asked for it again at once.
  virtual void reject() {}
};

struct ResolvedTag {
  oci::Digest digest;
  std::string endpoint{};  ///< who said so, for people: an endpoint's name
};

struct FetchedManifest {
  std::string bytes;         ///< as they came; not yet compared with any digest
  std::string content_type;  ///< the header, or ""
  std::string endpoint{};    ///< who gave it
};

/// A place that yields bytes by digest and digests by name: an upstream registry (later also peers, replicas and
/// archives). Nothing it says is believed: the caller hashes.
///
/// Errors tell what an answer means (DESIGN §4): not_found — the source was reached and is entitled to say it has no
/// such thing; unauthorized / denied — credentials; too_many; corrupt — it lies; unavailable / timed_out — an outage.
class Source {
 public:
  virtual ~Source() = default;
  /// By HEAD (by GET where a HEAD tells no digest).
  virtual Task<ResolvedTag> resolve(Call call, oci::RepositoryId repository, oci::Tag tag) = 0;
  virtual Task<FetchedManifest> manifest(Call call, oci::RepositoryId repository, oci::Reference reference) = 0;
  /// The bytes behind the first `from` ones; the stream's size_bytes() is that of the whole. `call` bounds the time to
  /// the first byte, not the body.
  virtual Task<std::unique_ptr<Stream>> open(Call call, oci::RepositoryId repository, oci::Digest digest,
                                             uint64_t from) = 0;
  /// One page of tag names after `last` in the source's order, at most `limit`.
  struct TagPage {
    std::vector<std::string> tags;
    bool has_more = false;
  };
  virtual Task<TagPage> tags(Call call, oci::RepositoryId repository, std::string last, std::size_t limit) = 0;
  /// False while asking would get no answer, as far as is known: no request path touches the network then. Costs no
  /// I/O.
  virtual bool can_be_asked() const { return true; }
  /// The same for one repository: not every endpoint may have it.
  virtual bool can_be_asked_for(const oci::RepositoryId& /*repository*/) const { return can_be_asked(); }
  /// By the API, else by the fallback tag (W91). Empty when the source knows neither.
  virtual Task<std::vector<oci::Referrer>> referrers(Call call, oci::RepositoryId repository, oci::Digest subject) = 0;
  /// Its last answer was an outage.
  virtual bool is_failing() const { return false; }
  /// True when it will soon take no more requests from us (a rate limit): what is only to be confirmed should be asked
  /// for less often, so that there is something left for what is not held.
  virtual bool is_short_of_requests() const { return false; }
};

}  // namespace lifeboat::blob
