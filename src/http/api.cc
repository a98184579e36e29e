#include "http/api.h"

#include <algorithm>

#include "http/api_capture.h"
#include "http/api_explain.h"
#include "http/api_gc.h"
#include "http/api_prune.h"
#include "http/api_scrub.h"
#include "http/api_status.h"
#include "http/api_tags.h"
#include "oci/text.h"

namespace lifeboat::http {
namespace {

constexpr ApiCall kCalls[] = {
    {.name = "status", .answer = answer_status},   {.name = "prefetch", .answer = answer_prefetch},
    {.name = "capture", .answer = answer_capture}, {.name = "explain", .answer = answer_explain},
    {.name = "gc", .answer = answer_gc},           {.name = "scrub", .answer = answer_scrub},
    {.name = "prune", .answer = answer_prune},     {.name = "history", .answer = answer_history},
    {.name = "restore", .answer = answer_restore}, {.name = "pins", .answer = answer_pins},
};

}  // namespace

std::span<const ApiCall> api_calls() { return kCalls; }

Awaitable<void> answer(RequestContext& context, const ApiRoute& route) {
  const auto call = std::ranges::find(kCalls, route.name, &ApiCall::name);
  if (call == std::end(kCalls)) {
    co_return co_await context.exchange().respond(context.refuse_call(
        Error(ErrorCode::not_found, "cannot find call " + oci::quote(route.name) + ": no such call in this version")));
  }
  sys::HttpResponse response = co_await call->answer(context);
  co_await context.exchange().respond(std::move(response));
}

}  // namespace lifeboat::http
