#pragma once

#include "base/task.h"
#include "http/request_context.h"
#include "http/route.h"

namespace lifeboat::http {

/// `GET|HEAD /v2/` (OCI distribution-spec 1.1, end-1; W22).
Awaitable<void> answer(RequestContext& context, const BaseRoute& route);

}  // namespace lifeboat::http
