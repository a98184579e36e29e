#pragma once

#include "base/task.h"
#include "http/request_context.h"
#include "http/scrub_report.h"
#include "registry/upkeep/repairer.h"
#include "registry/upkeep/scrubber.h"

namespace lifeboat::http {

/// `POST /api/v1/scrub`: begins a whole tour now. `GET`: how far it is, and what is broken.
Awaitable<sys::HttpResponse> answer_scrub(RequestContext& context);

/// As the API tells it. `broken`: how many faults stand, of which `standing` are the first.
ScrubReport report_of(const registry::ScrubProgress& progress, const std::vector<registry::StandingFault>& standing,
                      uint64_t broken, WallTime now);

}  // namespace lifeboat::http
