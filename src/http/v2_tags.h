#pragma once

#include "base/task.h"
#include "http/request_context.h"
#include "http/route.h"

namespace lifeboat::http {

/// `GET /v2/<name>/tags/list` (OCI distribution-spec 1.1, end-8; W60 … W62).
Awaitable<void> answer(RequestContext& context, const TagsRoute& route);

/// `GET /v2/_catalog` (W63).
Awaitable<void> answer(RequestContext& context, const CatalogRoute& route);

}  // namespace lifeboat::http
