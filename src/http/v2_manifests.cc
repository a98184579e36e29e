#include "http/v2_manifests.h"

#include <algorithm>
#include <utility>

#include "http/conditional.h"
#include "http/paging.h"
#include "http/prepared_answer.h"
#include "meta/use_times.h"
#include "oci/inspection.h"

namespace lifeboat::http {
namespace {

using oci::OciErrorCode;
using registry::Addressing;
using sys::HttpMethod;

constexpr std::string_view kMethods = "GET, HEAD, PUT, DELETE";

/// Our own inspector uses no image. A HEAD does: it is all that a start costs a node that has the image and pulls
/// `Always` (CLIENTS §6).
bool is_pull(const RequestContext& context) {
  return context.request().fields.find("User-Agent") != oci::kInspectionAgent;
}

Awaitable<void> get(RequestContext& context, const ManifestRoute& route) {
  Services& services = context.services();
  sys::HttpExchange& exchange = context.exchange();
  Watch watch(services.stamps, services.answers.meaning());
  watch.add_hosted(route.name);
  const auto repository = co_await context.locate(route.name, Addressing::Purpose::manifest);
  if (!repository) co_return co_await exchange.respond(context.refuse(repository.error(), Asked::repository));
  watch.add(*repository);
  auto served = co_await services.pull.manifest(context.read_call(), *repository, route.reference);
  if (!served) co_return co_await exchange.respond(context.refuse(served.error(), Asked::manifest));

  const std::string digest = served->digest.to_string();
  sys::HttpResponse head = context.response(200);
  head.fields.add("Content-Type", served->media_type);
  add_content_fields(head.fields, digest, route.reference.digest() != nullptr);
  if (served->stale) context.mark_stale(head, *served->stale);
  const uint64_t size_bytes = served->bytes.size();
  const auto prepared = prepare(head, {std::move(served->bytes), nullptr, size_bytes});
  // One that was prepared for our inspector would hide the pulls of clients who get it.
  if (is_pull(context)) {
    services.names.usage().note_pulled(*repository, served->digest, services.clock.wall());
    const SteadyTime noted_until = services.clock.now() + meta::kPullNotedWithin;
    AnswerCache::Answer answer{.prepared = prepared,
                               .digest = digest,
                               .route = RouteKind::manifest,
                               .valid_until = std::min(served->valid_until.value_or(SteadyTime::max()), noted_until)};
    services.answers.keep(exchange.loop(), context.request().target, std::move(answer), watch);
  }
  sys::PreparedHit hit{context.with_endpoint(prepared, std::move(served->endpoint)),
                       is_known_to_client(context.request().fields.joined("If-None-Match"), digest)};
  co_await exchange.respond_prepared(std::move(hit));
}

/// The tags a push sets: the one it goes to, or those of `?tag=` of a push by digest (W57).
std::expected<std::vector<oci::Tag>, sys::HttpResponse> tags_of(RequestContext& context, const ManifestRoute& route) {
  std::vector<oci::Tag> tags;
  if (const oci::Tag* tag = route.reference.tag()) return std::vector{*tag};
  const auto asked = context.query().every("tag");
  if (asked.size() > kTagsPerPushMax) {
    return std::unexpected(context.refuse(414, OciErrorCode::manifest_invalid,
                                          "cannot set that many tags in one push (got " + std::to_string(asked.size()) +
                                              ", want at most " + std::to_string(kTagsPerPushMax) + ")"));
  }
  for (const std::string_view text : asked) {
    auto tag = oci::Tag::parse(text);
    if (!tag) {
      return std::unexpected(context.refuse(400, OciErrorCode::manifest_invalid, tag.error().message()));
    }
    tags.push_back(std::move(*tag));
  }
  return tags;
}

sys::HttpResponse too_large(RequestContext& context) {
  return context.refuse(413, OciErrorCode::manifest_invalid,
                        "cannot keep manifest: it is too large (want at most " +
                            std::to_string(context.services().options.manifest_max_bytes) + " bytes)");
}

sys::HttpResponse missing_response(RequestContext& context, const std::vector<oci::Digest>& missing) {
  std::vector<oci::OciError> errors;
  errors.reserve(missing.size());
  for (const oci::Digest& digest : missing) {
    errors.push_back({.code = OciErrorCode::manifest_blob_unknown,
                      .message = "the manifest names content that the repository does not have",
                      .detail = digest.to_string()});
  }
  sys::HttpResponse response = context.refuse(400, OciErrorCode::manifest_blob_unknown, "content is missing");
  response.body = oci::render_errors(errors);
  return response;
}

sys::HttpResponse pushed_response(const RequestContext& context, const ManifestRoute& route,
                                  const registry::PushedManifest& pushed, const std::vector<oci::Tag>& tags) {
  const std::string digest = pushed.digest.to_string();
  sys::HttpResponse response = context.response(201);
  response.fields.add("Location", path_escaped("/v2/" + route.name + "/manifests/") + digest);
  response.fields.add("Docker-Content-Digest", digest);
  if (pushed.subject) response.fields.add("OCI-Subject", pushed.subject->to_string());
  for (const oci::Tag& tag : tags) response.fields.add("OCI-Tag", tag.to_string());
  return response;
}

Awaitable<sys::HttpResponse> put(RequestContext& context, const ManifestRoute& route) {
  Services& services = context.services();
  sys::HttpExchange& exchange = context.exchange();
  const std::size_t max_bytes = services.options.manifest_max_bytes;
  const auto repository = co_await context.locate(route.name, Addressing::Purpose::write);
  if (!repository) co_return context.refuse(repository.error(), Asked::repository);
  auto tags = tags_of(context, route);
  if (!tags) co_return std::move(tags).error();
  const sys::HttpFields& fields = context.request().fields;
  auto condition = push_condition(fields.joined("If-Match"), fields.joined("If-None-Match"));
  if (!condition) co_return context.refuse(condition.error(), Asked::manifest_push);
  if (exchange.body_length().value_or(0) > max_bytes) co_return too_large(context);

  auto body = co_await exchange.read_all(max_bytes);
  if (!body) co_return context.refuse(body.error(), Asked::upload);
  if (!*body) co_return too_large(context);
  registry::ManifestPush push{.repository = *repository,
                              .digest = std::nullopt,
                              .tags = *tags,
                              .content_type = std::string(fields.find("Content-Type").value_or("")),
                              .bytes = std::move(**body),
                              .condition = *condition};
  if (const oci::Digest* digest = route.reference.digest()) push.digest = *digest;
  const auto pushed = co_await services.push.manifest(context.write_call(), std::move(push));
  if (!pushed) co_return context.refuse(pushed.error(), Asked::manifest_push);
  if (!pushed->missing.empty()) co_return missing_response(context, pushed->missing);
  co_return pushed_response(context, route, *pushed, *tags);
}

Awaitable<sys::HttpResponse> remove(RequestContext& context, const ManifestRoute& route) {
  Services& services = context.services();
  if (!services.options.delete_enabled) co_return context.deleting_is_off("GET, HEAD, PUT");
  const auto repository = co_await context.locate(route.name, Addressing::Purpose::write);
  if (!repository) co_return context.refuse(repository.error(), Asked::repository);
  const Status removed = co_await services.push.remove_manifest(context.write_call(), *repository, route.reference);
  if (!removed) co_return context.refuse(removed.error(), Asked::manifest_removal);
  co_return context.response(202);
}

Awaitable<sys::HttpResponse> change(RequestContext& context, const ManifestRoute& route) {
  switch (context.request().method) {
    case HttpMethod::put: co_return co_await put(context, route);
    case HttpMethod::delete_: co_return co_await remove(context, route);
    default: co_return context.wrong_method(kMethods);
  }
}

}  // namespace

Awaitable<void> answer(RequestContext& context, const ManifestRoute& route) {
  if (context.is_read()) co_return co_await get(context, route);
  sys::HttpResponse response = co_await change(context, route);
  co_await context.exchange().respond(std::move(response));
}

}  // namespace lifeboat::http
