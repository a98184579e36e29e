#include "http/api_status.h"

#include "http/api_scrub.h"
#include "http/status_report.h"

namespace lifeboat::http {
namespace {

constexpr std::size_t kBrokenMax = 20;

CaptureTotals totals_of(const registry::CaptureSummary& captures) {
  CaptureTotals totals{.running = captures.running, .waiting = captures.waiting, .failing = captures.failing};
  if (captures.worst) {
    totals.worst = captures.worst->repository.to_string() + "@" + captures.worst->manifest.to_string();
    totals.worst_error = captures.worst->last_error;
  }
  return totals;
}

}  // namespace

Awaitable<sys::HttpResponse> answer_status(RequestContext& context) {
  if (!context.is_read()) co_return context.refuse_method("GET, HEAD");
  StatusReport report = context.services().status.report();
  const auto totals = co_await context.services().names.totals(context.read_call());
  const auto captures = co_await context.services().capture.summary(context.read_call());
  if (captures) report.captures = totals_of(*captures);
  const auto broken = co_await context.services().names.faults().count(context.read_call());
  if (broken && *broken > 0) {
    report.broken.pieces = *broken;
    const auto standing = co_await context.services().repairer.standing(context.read_call(), kBrokenMax);
    if (standing) report.broken.faults = report_of({}, *standing, *broken, context.services().clock.wall()).faults;
  }
  if (totals) {
    report.store = *totals;
  } else {
    report.store = std::unexpected(totals.error().message());
  }
  co_return api_response(200, render_status(report));
}

}  // namespace lifeboat::http
