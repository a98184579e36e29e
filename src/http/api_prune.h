#pragma once

#include "base/task.h"
#include "http/request_context.h"

namespace lifeboat::http {

/// `POST /api/v1/prune` carries out retention, or says what would go; answers when it is done.
Awaitable<sys::HttpResponse> answer_prune(RequestContext& context);

}  // namespace lifeboat::http
