#include "http/v2_blobs.h"

#include <utility>

#include "http/blob_answer.h"
#include "http/conditional.h"

namespace lifeboat::http {
namespace {

using registry::Addressing;

Awaitable<void> get(RequestContext& context, const BlobRoute& route) {
  Services& services = context.services();
  sys::HttpExchange& exchange = context.exchange();
  Watch watch(services.stamps, services.answers.meaning());
  watch.add_hosted(route.name);
  const auto purpose = context.is_head() ? Addressing::Purpose::presence : Addressing::Purpose::content;
  const auto repository = co_await context.locate(route.name, purpose);
  if (!repository) co_return co_await exchange.respond(context.refuse(repository.error(), Asked::repository));
  watch.add(*repository);
  auto served = co_await services.pull.blob(context.read_call(), *repository, route.digest);
  if (!served) co_return co_await exchange.respond(context.refuse(served.error(), Asked::blob));
  if (auto* content = std::get_if<blob::Content>(&*served)) {
    co_return co_await serve_content(context, route, std::move(*content), watch);
  }
  co_await serve_fetch(context, route, std::get<std::shared_ptr<registry::BlobFetch>>(*served));
}

Awaitable<sys::HttpResponse> remove(RequestContext& context, const BlobRoute& route) {
  Services& services = context.services();
  if (!services.options.delete_enabled) co_return context.deleting_is_off("GET, HEAD");
  const auto repository = co_await context.locate(route.name, Addressing::Purpose::write);
  if (!repository) co_return context.refuse(repository.error(), Asked::repository);
  const Status removed = co_await services.push.remove_blob(context.write_call(), *repository, route.digest);
  if (!removed) co_return context.refuse(removed.error(), Asked::blob_removal);
  co_return context.response(202);
}

}  // namespace

Awaitable<void> answer(RequestContext& context, const BlobRoute& route) {
  if (context.is_read()) co_return co_await get(context, route);
  if (context.request().method != sys::HttpMethod::delete_) {
    co_return co_await context.exchange().respond(context.wrong_method("GET, HEAD, DELETE"));
  }
  sys::HttpResponse response = co_await remove(context, route);
  co_await context.exchange().respond(std::move(response));
}

}  // namespace lifeboat::http
