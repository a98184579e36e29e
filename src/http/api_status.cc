#include "http/api_status.h"

#include "http/status_report.h"

namespace lifeboat::http {

Awaitable<sys::HttpResponse> answer_status(RequestContext& context) {
  if (!context.is_read()) co_return context.refuse_method("GET, HEAD");
  StatusReport report = context.services().status.report();
  const auto totals = co_await context.services().names.totals(context.read_call());
  if (totals) {
    report.store = *totals;
  } else {
    report.store = std::unexpected(totals.error().message());
  }
  co_return api_response(200, render_status(report));
}

}  // namespace lifeboat::http
