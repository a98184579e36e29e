#pragma once

#include "base/task.h"
#include "http/request_context.h"

namespace lifeboat::http {

/// `GET /api/v1/status`: the node at a glance (status_report.h). Answered also while the store does not answer: that is
/// when one looks.
Awaitable<sys::HttpResponse> answer_status(RequestContext& context);

}  // namespace lifeboat::http
