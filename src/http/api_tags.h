#pragma once

#include "base/task.h"
#include "http/request_context.h"

namespace lifeboat::http {

/// `GET /api/v1/history?repository=…[&tag=…]` tells what tags were, and whether each can be again.
Awaitable<sys::HttpResponse> answer_history(RequestContext& context);
/// `POST /api/v1/restore` sets a tag to what it was once.
Awaitable<sys::HttpResponse> answer_restore(RequestContext& context);
/// `GET /api/v1/pins` lists what stays whatever any policy says; `POST` adds a pin, `DELETE ?reference=…` removes one.
Awaitable<sys::HttpResponse> answer_pins(RequestContext& context);

}  // namespace lifeboat::http
