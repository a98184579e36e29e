#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "oci/digest.h"
#include "upstream/url.h"

namespace lifeboat::upstream {

/// Where a registry says that an upload goes on (OCI distribution-spec 1.1, end-4a, end-5).
struct UploadLocation {
  std::string url{};
  bool is_ours = true;  ///< of the endpoint's own origin: no other is sent credentials
  friend bool operator==(const UploadLocation&, const UploadLocation&) = default;
};

/// What the Location of the answer to a request for `asked` means: an absolute URL, or one that is relative to `asked`.
/// Its query is kept as it is. A registry behind a proxy that ends TLS may name itself with http:// (W35): its own host
/// on an endpoint with TLS is asked over TLS. Other hosts are sent the bytes alone, over TLS when the endpoint has it,
/// and at a private address only when the endpoint is at one. corrupt: it is none, or one to which nothing is sent.
Result<UploadLocation> upload_location(const Url& endpoint, std::string_view asked, std::string_view location);

/// The URL that ends the upload: with `digest=` behind whatever query it has.
std::string commit_url(std::string_view url, const oci::Digest& digest);

}  // namespace lifeboat::upstream
