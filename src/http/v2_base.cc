#include "http/v2_base.h"

namespace lifeboat::http {

Awaitable<void> answer(RequestContext& context, const BaseRoute&) {
  if (!context.is_read()) co_return co_await context.exchange().respond(context.wrong_method("GET, HEAD"));
  sys::HttpResponse response = context.response(200);
  response.fields.add("Content-Type", "application/json");
  response.body = "{}";
  co_await context.exchange().respond(std::move(response));
}

}  // namespace lifeboat::http
