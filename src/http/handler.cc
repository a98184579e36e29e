#include "http/handler.h"

#include <exception>
#include <utility>

#include "http/api.h"
#include "http/v2_base.h"
#include "http/v2_blobs.h"
#include "http/v2_manifests.h"
#include "http/v2_referrers.h"
#include "http/v2_tags.h"
#include "http/v2_uploads.h"

namespace lifeboat::http {
namespace {

constexpr std::string_view kUnexpected = "the handler of the request failed unexpectedly";

}  // namespace

Handler::Handler(HandlerOptions options, const Parts& parts)
    : options_(options),
      clock_(parts.clock),
      log_(parts.log),
      answers_({.loops = parts.loops, .max_bytes = options.manifest_cache_bytes}, parts.clock),
      services_{parts.pull,     parts.push,    parts.uploads,   parts.addressing, parts.stamps,  parts.names,
                parts.capture,  parts.explain, parts.collector, parts.retainer,   parts.history, parts.scrubber,
                parts.repairer, parts.status,  parts.clock,     parts.log,        options_,      answers_},
      probes_(parts.names, parts.metrics),
      metrics_(parts.metrics) {}

sys::PreparedHit Handler::prepared(unsigned loop, const sys::HttpRequestView& request) {
  if (options_.access_log == AccessLogMode::all) return {};  // handle() finds it too, and can tell the log
  AnswerCache::Found found = answers_.find(loop, request);
  if (!found.hit.answer) return {};
  const bool has_body = !request.is_head && !found.hit.is_not_modified;
  metrics_.count({.method = request.is_head ? sys::HttpMethod::head : sys::HttpMethod::get,
                  .route = found.route,
                  .status = found.hit.is_not_modified ? 304 : 200,
                  .seconds = 0,
                  .received_bytes = 0,
                  .sent_bytes = has_body ? found.hit.answer->size_bytes : 0});
  return std::move(found.hit);
}

Awaitable<void> Handler::handle(sys::HttpExchange& exchange) {
  const SteadyTime began = clock_.now();
  const sys::HttpRequest& request = exchange.request();
  Routed routed = parse_route(request.method, request.target, request.door);
  RequestContext context(services_, exchange, routed ? routed->query : Query());
  const RouteKind route = routed ? kind_of(routed->route) : RouteKind::other;
  std::string unexpected;
  try {
    co_await dispatch(context, routed);
  } catch (const std::exception& failure) {
    unexpected = failure.what();
  } catch (...) {
    unexpected = "unknown exception";
  }
  if (exchange.status() == 0) {
    if (unexpected.empty()) unexpected = "no answer was given";
    co_await exchange.respond(context.refuse(500, oci::OciErrorCode::unsupported, std::string(kUnexpected)));
  }
  if (!unexpected.empty()) {
    log_.error("http.handler_failed",
               {{"path", path_of(request.target)}, {"reason", unexpected}, {"request_id", exchange.request_id()}});
  }
  record(context, route, began);
}

Awaitable<void> Handler::dispatch(RequestContext& context, const Routed& routed) {
  if (!routed) {
    const RouteRefusal& refusal = routed.error();
    co_return co_await context.exchange().respond(context.refuse(refusal.status, refusal.code, refusal.message));
  }
  const sys::HttpRequest& request = context.request();
  if (options_.access_log == AccessLogMode::all && context.is_read() && !request.fields.find("Range")) {
    const std::string if_none_match = request.fields.joined("If-None-Match");
    AnswerCache::Found found =
        answers_.find(context.exchange().loop(), {context.is_head(), request.target, if_none_match});
    if (found.hit.answer) co_return co_await context.exchange().respond_prepared(std::move(found.hit));
  }
  const Route& route = routed->route;
  switch (kind_of(route)) {
    case RouteKind::base: co_return co_await answer(context, std::get<BaseRoute>(route));
    case RouteKind::catalog: co_return co_await answer(context, std::get<CatalogRoute>(route));
    case RouteKind::tags: co_return co_await answer(context, std::get<TagsRoute>(route));
    case RouteKind::manifest: co_return co_await answer(context, std::get<ManifestRoute>(route));
    case RouteKind::blob: co_return co_await answer(context, std::get<BlobRoute>(route));
    case RouteKind::uploads: co_return co_await answer(context, std::get<UploadsRoute>(route));
    case RouteKind::upload: co_return co_await answer(context, std::get<UploadRoute>(route));
    case RouteKind::referrers: co_return co_await answer(context, std::get<ReferrersRoute>(route));
    case RouteKind::probe: co_return co_await probe(context, std::get<ProbeRoute>(route));
    case RouteKind::api: co_return co_await answer(context, std::get<ApiRoute>(route));
    case RouteKind::other: break;
  }
}

Awaitable<void> Handler::probe(RequestContext& context, const ProbeRoute& route) {
  if (!context.is_read()) co_return co_await context.exchange().respond(context.wrong_method("GET, HEAD"));
  sys::HttpResponse response = co_await probes_.answer(context.read_call(), route.kind);
  co_await context.exchange().respond(std::move(response));
}

void Handler::record(RequestContext& context, RouteKind route, SteadyTime began) {
  const sys::HttpExchange& exchange = context.exchange();
  const sys::HttpRequest& request = exchange.request();
  const auto took = clock_.now() - began;
  metrics_.count({.method = request.method,
                  .route = route,
                  .status = context.has_client_left() && exchange.status() >= 500 ? 499 : exchange.status(),
                  .seconds = std::chrono::duration<double>(took).count(),
                  .received_bytes = exchange.received_bytes(),
                  .sent_bytes = exchange.sent_bytes()});
  const AccessRecord access{.method = request.method,
                            .method_text = request.method_text,
                            .route = route,
                            .path = path_of(request.target),
                            .ns = context.query().first("ns").value_or(""),
                            .status = exchange.status(),
                            .took = std::chrono::duration_cast<Duration>(took),
                            .received_bytes = exchange.received_bytes(),
                            .sent_bytes = exchange.sent_bytes(),
                            .peer = request.peer,
                            .user_agent = request.fields.find("User-Agent").value_or(""),
                            .request_id = exchange.request_id(),
                            .endpoint = context.endpoint(),
                            .failure = context.failure(),
                            .is_stale = context.is_stale(),
                            .is_cut = context.is_cut(),
                            .has_client_left = context.has_client_left()};
  if (const auto level = access_level(options_.access_log, access, options_.answer_within)) {
    write_access(log_, *level, access);
  }
}

sys::HttpResponse Handler::refuse(int status, std::string_view reason) {
  metrics_.count({.method = sys::HttpMethod::other, .route = RouteKind::other, .status = status});
  sys::HttpResponse response;
  response.status = status;
  response.fields.add("Content-Type", "text/plain; charset=utf-8");
  response.fields.add("X-Content-Type-Options", "nosniff");
  response.body.append(reason).append("\n");
  return response;
}

}  // namespace lifeboat::http
