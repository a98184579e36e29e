#include "http/route.h"

#include <optional>

#include "oci/text.h"

namespace lifeboat::http {
namespace {

using oci::OciErrorCode;
using RouteOr = std::expected<Route, RouteRefusal>;

std::unexpected<RouteRefusal> refuse(int status, OciErrorCode code, std::string message) {
  return std::unexpected(RouteRefusal{status, code, std::move(message)});
}

std::unexpected<RouteRefusal> no_such_path(std::string_view path) {
  return refuse(404, OciErrorCode::name_unknown, "cannot find " + oci::quote(path) + ": no such endpoint");
}

/// Cuts `component` and the '/' before it off the end.
bool cut_last(std::string_view& path, std::string_view component) {
  if (path.size() <= component.size() || !path.ends_with(component)) return false;
  if (path[path.size() - component.size() - 1] != '/') return false;
  path.remove_suffix(component.size() + 1);
  return true;
}

RouteOr manifest_route(sys::HttpMethod method, std::string name, std::string_view text) {
  auto reference = oci::Reference::parse(text);
  if (reference) return ManifestRoute{std::move(name), std::move(*reference)};
  if (text.find(':') != std::string_view::npos) {
    return refuse(400, OciErrorCode::digest_invalid, reference.error().message());
  }
  if (method == sys::HttpMethod::put) return refuse(400, OciErrorCode::manifest_invalid, reference.error().message());
  return refuse(404, OciErrorCode::manifest_unknown, reference.error().message());
}

/// `rest`: what stands behind "/v2/".
RouteOr parse_v2(sys::HttpMethod method, std::string_view path, std::string_view rest) {
  if (rest.empty()) return BaseRoute{};
  if (rest == "_catalog") return CatalogRoute{};
  std::string_view name = rest;
  if (cut_last(name, "blobs/uploads/") || cut_last(name, "blobs/uploads")) return UploadsRoute{std::string(name)};
  if (cut_last(name, "tags/list")) return TagsRoute{std::string(name)};

  const std::size_t slash = rest.rfind('/');
  if (slash == std::string_view::npos) return no_such_path(path);
  const std::string_view last = rest.substr(slash + 1);
  name = rest.substr(0, slash);
  if (last.empty()) return no_such_path(path);
  if (cut_last(name, "manifests")) return manifest_route(method, std::string(name), last);
  if (cut_last(name, "blobs/uploads")) {
    auto id = oci::UploadId::parse(last);
    if (!id) return refuse(404, OciErrorCode::blob_upload_unknown, id.error().message());
    return UploadRoute{std::string(name), std::move(*id)};
  }
  const bool is_blob = cut_last(name, "blobs");
  if (!is_blob && !cut_last(name, "referrers")) return no_such_path(path);
  const auto digest = oci::Digest::parse(last);
  if (!digest) return refuse(400, OciErrorCode::digest_invalid, digest.error().message());
  if (is_blob) return BlobRoute{std::string(name), *digest};
  return ReferrersRoute{std::string(name), *digest};
}

/// `name`: what stands behind "/api/v1/".
RouteOr parse_api(std::string_view path, std::string_view name) {
  if (name.empty() || name.find('/') != std::string_view::npos) return no_such_path(path);
  return ApiRoute{std::string(name)};
}

RouteOr parse_path(sys::HttpMethod method, std::string_view path, sys::HttpDoor door) {
  if (path == "/v2") return BaseRoute{};
  if (path.find("//") != std::string_view::npos) {  // never cleaned: what is authorised and what is served must be one
    return refuse(404, OciErrorCode::name_unknown, "cannot find " + oci::quote(path) + ": it has an empty component");
  }
  if (path.starts_with("/v2/")) return parse_v2(method, path, path.substr(4));
  if (path == "/healthz") return ProbeRoute{ProbeRoute::Kind::healthz};
  if (path == "/livez") return ProbeRoute{ProbeRoute::Kind::livez};
  if (path == "/readyz") return ProbeRoute{ProbeRoute::Kind::readyz};
  if (path == "/metrics") return ProbeRoute{ProbeRoute::Kind::metrics};
  static constexpr std::string_view kApi = "/api/v1/";
  if (path.starts_with(kApi) && door == sys::HttpDoor::local) return parse_api(path, path.substr(kApi.size()));
  return no_such_path(path);
}

std::string_view without_authority(std::string_view target) {
  if (target.starts_with('/')) return target;
  const std::size_t scheme_end = target.find("://");
  if (scheme_end == std::string_view::npos) return target;
  const std::string_view scheme = target.substr(0, scheme_end);
  if (!sys::equals_ignoring_case(scheme, "http") && !sys::equals_ignoring_case(scheme, "https")) return target;
  const std::size_t path = target.find_first_of("/?", scheme_end + 3);
  return path == std::string_view::npos ? std::string_view("/") : target.substr(path);
}

}  // namespace

std::string_view path_of(std::string_view target) {
  const std::string_view local = without_authority(target);
  return local.substr(0, local.find('?'));
}

std::expected<RoutedRequest, RouteRefusal> parse_route(sys::HttpMethod method, std::string_view target,
                                                       sys::HttpDoor door) {
  const std::string_view local = without_authority(target);
  const std::size_t mark = local.find('?');
  const auto path = percent_decoded(local.substr(0, mark));
  if (!path) {
    return refuse(400, OciErrorCode::name_invalid,
                  "cannot read path " + oci::quote(local.substr(0, mark)) + ": malformed percent-encoding");
  }
  auto route = parse_path(method, *path, door);
  if (!route) return std::unexpected(std::move(route).error());
  const std::string_view query = mark == std::string_view::npos ? std::string_view() : local.substr(mark + 1);
  return RoutedRequest{std::move(*route), Query::parse(query)};
}

RouteKind kind_of(const Route& route) {
  static constexpr RouteKind kKinds[] = {RouteKind::base,  RouteKind::catalog, RouteKind::tags,   RouteKind::manifest,
                                         RouteKind::blob,  RouteKind::uploads, RouteKind::upload, RouteKind::referrers,
                                         RouteKind::probe, RouteKind::api};
  static_assert(std::size(kKinds) == std::variant_size_v<Route>);
  return kKinds[route.index()];
}

std::string_view to_string(RouteKind kind) {
  switch (kind) {
    case RouteKind::base: return "base";
    case RouteKind::catalog: return "catalog";
    case RouteKind::tags: return "tags";
    case RouteKind::manifest: return "manifest";
    case RouteKind::blob: return "blob";
    case RouteKind::uploads: return "uploads";
    case RouteKind::upload: return "upload";
    case RouteKind::referrers: return "referrers";
    case RouteKind::probe: return "probe";
    case RouteKind::api: return "api";
    case RouteKind::other: return "other";
  }
  return "other";
}

}  // namespace lifeboat::http
