#pragma once

#include "base/task.h"
#include "http/capture_report.h"
#include "http/request_context.h"
#include "registry/upkeep/capture.h"

namespace lifeboat::http {

/// `POST /api/v1/prefetch`: fetches a manifest and all under it, whether anybody pulls it or not.
Awaitable<sys::HttpResponse> answer_prefetch(RequestContext& context);
/// `GET /api/v1/capture?repository=…&digest=…`: how far that is.
Awaitable<sys::HttpResponse> answer_capture(RequestContext& context);

CaptureReport report_of(const registry::CaptureState& state, WallTime now);

}  // namespace lifeboat::http
