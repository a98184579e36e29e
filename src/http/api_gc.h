#pragma once

#include "base/task.h"
#include "http/request_context.h"

namespace lifeboat::http {

/// `POST /api/v1/gc` begins a pass of the collector, `GET` tells how far the last one is.
Awaitable<sys::HttpResponse> answer_gc(RequestContext& context);

}  // namespace lifeboat::http
