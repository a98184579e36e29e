#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <variant>

#include "http/query.h"
#include "oci/digest.h"
#include "oci/error_code.h"
#include "oci/reference.h"
#include "oci/upload_id.h"
#include "sys/http_message.h"
#include "sys/http_server.h"

/// A request's target as one typed value, before any handler runs. Pure.
///
/// The path is decoded once and read from the right, since repositories may have components called `blobs`, `tags` or
/// `manifests` (W15). A route's `name` is what stands before: decoded, not empty, without empty components, and not yet
/// checked against the grammar of names, which depends on the host it may begin with (registry::Addressing).
namespace lifeboat::http {

struct BaseRoute {};  ///< `/v2/` and `/v2` (W17)
struct CatalogRoute {};
struct TagsRoute {
  std::string name;
};
struct ManifestRoute {
  std::string name;
  oci::Reference reference;
};
struct BlobRoute {
  std::string name;
  oci::Digest digest;
};
struct UploadsRoute {  ///< `…/blobs/uploads/` and without the slash
  std::string name;
};
struct UploadRoute {
  std::string name;
  oci::UploadId id;
};
struct ReferrersRoute {
  std::string name;
  oci::Digest subject;
};
struct ProbeRoute {
  enum class Kind { healthz, livez, readyz, metrics };
  Kind kind = Kind::healthz;
};
struct ApiRoute {  ///< `/api/v1/<name>`; whether there is such a call is for http/api to know
  std::string name;
};

using Route = std::variant<BaseRoute, CatalogRoute, TagsRoute, ManifestRoute, BlobRoute, UploadsRoute, UploadRoute,
                           ReferrersRoute, ProbeRoute, ApiRoute>;

/// The closed set of routes as metrics and the log name them.
enum class RouteKind { base, catalog, tags, manifest, blob, uploads, upload, referrers, probe, api, other };
inline constexpr std::size_t kRouteKinds = 11;
RouteKind kind_of(const Route& route);
std::string_view to_string(RouteKind kind);

struct RoutedRequest {
  Route route;
  Query query;
};

/// Why a target has no route: what the client is told.
struct RouteRefusal {
  int status = 404;
  oci::OciErrorCode code = oci::OciErrorCode::name_unknown;
  std::string message;
};

/// `method` matters where a name that breaks the grammar cannot exist (a read: 404) but could not be made either (a
/// write: 400), as both conformance suites have it (W19). The API has no credentials, so its paths exist on the local
/// `door` alone (DESIGN §7).
std::expected<RoutedRequest, RouteRefusal> parse_route(sys::HttpMethod method, std::string_view target,
                                                       sys::HttpDoor door = sys::HttpDoor::network);

/// The path of a target: without query, and without scheme and host where a client sent them (RFC 9112 §3.2.2). Not
/// decoded.
std::string_view path_of(std::string_view target);

}  // namespace lifeboat::http
