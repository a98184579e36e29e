#include "http/api_scrub.h"

#include <algorithm>
#include <chrono>

namespace lifeboat::http {
namespace {

constexpr std::size_t kOrderMaxBytes = 4 * kKiB;
constexpr std::size_t kStandingMax = 100;

FaultReport told_of(const registry::StandingFault& standing, WallTime now) {
  const meta::Fault& fault = standing.fault;
  const Duration wait = std::max(fault.due - now, Duration(0));
  FaultReport report{.digest = fault.digest.to_string(),
                     .kind = std::string(registry::to_string(fault.kind)),
                     .detail = fault.detail,
                     .tries = fault.tries,
                     .last_error = fault.last_error,
                     .retry_in_s = std::chrono::ceil<std::chrono::seconds>(wait).count()};
  for (const meta::TagPlace& tag : standing.tags) {
    report.breaks.push_back(tag.repository.to_string() + ":" + tag.tag.to_string());
  }
  for (const meta::ContentPlace& place : standing.places) report.breaks.push_back(place.repository.to_string());
  return report;
}

Task<ScrubReport> scrub(RequestContext& context) {
  Services& services = context.services();
  const registry::ScrubProgress progress = services.scrubber.progress();
  LB_CO_TRY(const auto standing, co_await services.repairer.standing(context.read_call(), kStandingMax));
  LB_CO_TRY(const uint64_t broken, co_await services.names.faults().count(context.read_call()));
  co_return report_of(progress, standing, broken, services.clock.wall());
}

Status order(RequestContext& context, std::string_view body) {
  LB_TRY(const ScrubRequest request, parse_scrub_request(body));
  return context.services().scrubber.order({.is_repaired = request.is_repaired, .rate_bytes = request.rate_bytes});
}

}  // namespace

ScrubReport report_of(const registry::ScrubProgress& progress, const std::vector<registry::StandingFault>& standing,
                      uint64_t broken, WallTime now) {
  ScrubReport report{.is_running = progress.is_running,
                     .is_finished = progress.finished.has_value(),
                     .is_ordered = progress.is_ordered,
                     .is_repaired = progress.is_repaired,
                     .checked = progress.checked,
                     .checked_bytes = progress.checked_bytes,
                     .known = progress.known,
                     .known_bytes = progress.known_bytes,
                     .found = progress.found,
                     .unrecorded = progress.unrecorded,
                     .unrecorded_bytes = progress.unrecorded_bytes,
                     .error = progress.error,
                     .broken = broken};
  for (const registry::ScrubFinding& one : progress.findings) {
    report.findings.push_back({one.digest.to_string(), one.kind, one.detail});
  }
  for (const registry::StandingFault& one : standing) report.faults.push_back(told_of(one, now));
  return report;
}

Awaitable<sys::HttpResponse> answer_scrub(RequestContext& context) {
  const bool is_order = context.request().method == sys::HttpMethod::post;
  if (!is_order && !context.is_read()) co_return context.refuse_method("GET, HEAD, POST");
  if (is_order) {
    auto body = co_await context.exchange().read_all(kOrderMaxBytes);
    if (!body) co_return context.refuse_call(body.error());
    if (!*body) {
      co_return context.refuse_call(Error(ErrorCode::invalid, "cannot read scrub order: it is too large"));
    }
    const Status ordered = order(context, **body);
    if (!ordered) co_return context.refuse_call(ordered.error());
  }
  const auto report = co_await scrub(context);
  if (!report) co_return context.refuse_call(report.error());
  co_return api_response(200, render_scrub(*report));
}

}  // namespace lifeboat::http
