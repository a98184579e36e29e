#pragma once

#include <string>
#include <vector>

#include "base/call.h"
#include "base/task.h"
#include "oci/digest.h"
#include "oci/manifest.h"
#include "oci/reference.h"

namespace lifeboat::upstream {

/// One repository of a registry, asked for what refers to a subject in it.
class ReferrersAsked {
 public:
  virtual ~ReferrersAsked() = default;
  struct Page {
    std::string body{};
    std::string link{};  ///< the Link fields
  };
  /// The answer of the referrers API; `query` is "" for the first page, "?…" for a further one.
  virtual Task<Page> page(Call call, std::string query) = 0;
  /// The bytes of a manifest.
  virtual Task<std::string> manifest(Call call, oci::Tag tag) = 0;
};

/// By the API, page by page, or, where the registry does not know it, by the fallback tag (OCI distribution-spec 1.1,
/// "Referrers Tag Schema"; W91). Empty when it knows neither. corrupt: what it answers is no list, or has no end.
Task<std::vector<oci::Referrer>> list_referrers(Call call, oci::Digest subject, ReferrersAsked& asked);

}  // namespace lifeboat::upstream
