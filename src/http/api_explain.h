#pragma once

#include "base/task.h"
#include "http/request_context.h"

namespace lifeboat::http {

/// `GET /api/v1/explain?reference=…`: what a pull would get now, and why (explain_report.h). Asks no upstream.
Awaitable<sys::HttpResponse> answer_explain(RequestContext& context);

}  // namespace lifeboat::http
