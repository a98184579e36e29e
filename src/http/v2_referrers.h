#pragma once

#include <string>
#include <vector>

#include "base/task.h"
#include "http/request_context.h"
#include "http/route.h"
#include "oci/manifest.h"

namespace lifeboat::http {

/// A page of referrers stays below this, unless one alone is larger (W66).
inline constexpr std::size_t kReferrersPageMaxBytes = 4 * kMiB;

struct ReferrersPage {
  std::string body;
  std::string last;  ///< the digest the next page begins behind; "" when there is none
};

/// The referrers of `artifact_type` ("": all), by digest, behind `last`. Pure.
ReferrersPage referrers_page(std::vector<oci::Referrer> all, std::string_view artifact_type, std::string_view last,
                             std::size_t max_bytes);

/// `GET /v2/<name>/referrers/<digest>` (OCI distribution-spec 1.1, end-12; W64 … W66).
Awaitable<void> answer(RequestContext& context, const ReferrersRoute& route);

}  // namespace lifeboat::http
