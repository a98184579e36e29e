#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/call.h"
#include "base/task.h"
#include "blob/source.h"
#include "oci/digest.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "oci/repository.h"

namespace lifeboat::blob {

/// One registry as it answers, for whoever judges it: unlike a Source it hides nothing that is wrong, compares nothing
/// with a digest, and is asked while it fails. Any thread.
///
/// Errors tell what an answer means, as those of Source do; of a body that was not as long as announced the step is
/// NetworkStep::body; internal: it answers 500, which may be about this one thing alone. Whoever implements this
/// repeats what failed for a moment only, within the call's deadline.
class Inspector {
 public:
  virtual ~Inspector() = default;

  enum class Thing { manifest, blob };
  struct Head {
    std::optional<uint64_t> size_bytes{};  ///< the Content-Length
    std::optional<oci::Digest> digest{};   ///< as the registry says
  };
  virtual Task<Head> head(Call call, oci::Repository repository, Thing thing, oci::Reference reference) = 0;

  struct Answered {
    std::string bytes{};                  ///< as they came
    std::string content_type{};           ///< the header, or ""
    std::optional<oci::Digest> digest{};  ///< as the registry says
    bool is_too_long = false;             ///< for any manifest: nothing else of it is told
  };
  virtual Task<Answered> manifest(Call call, oci::Repository repository, oci::Reference reference) = 0;

  enum class Extent { all, first_byte };
  /// The stream's size_bytes() is that of the whole blob. With `first_byte` a registry that knows no ranges may send
  /// more; whoever has seen enough destroys the stream. `call` bounds the time to the first byte, not the body.
  virtual Task<std::unique_ptr<Stream>> open(Call call, oci::Repository repository, oci::Digest digest,
                                             Extent extent) = 0;
  /// By the API, else by the fallback tag (W91). Empty when the registry knows neither.
  virtual Task<std::vector<oci::Referrer>> referrers(Call call, oci::Repository repository, oci::Digest subject) = 0;
  /// One page of names after `last` in the registry's order, at most `limit`.
  virtual Task<Source::TagPage> tags(Call call, oci::Repository repository, std::string last, std::size_t limit) = 0;
  struct RepositoryPage {
    std::vector<oci::Repository> repositories{};
    bool has_more = false;
  };
  /// The catalog. not_found, unsupported, unauthorized, denied: it shows none, as many public registries.
  virtual Task<RepositoryPage> repositories(Call call, std::string last, std::size_t limit) = 0;
  /// It said that it will soon take no more requests.
  virtual bool is_short_of_requests() const = 0;
};

}  // namespace lifeboat::blob
