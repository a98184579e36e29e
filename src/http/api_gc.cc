#include "http/api_gc.h"

#include "http/error_response.h"
#include "http/gc_report.h"

namespace lifeboat::http {
namespace {

constexpr std::size_t kOrderMaxBytes = 4 * kKiB;

}  // namespace

Awaitable<sys::HttpResponse> answer_gc(RequestContext& context) {
  registry::Collector& collector = context.services().collector;
  if (context.is_read()) co_return api_response(200, render_gc(report_of(collector.state())));
  if (context.request().method != sys::HttpMethod::post) co_return context.refuse_method("GET, HEAD, POST");
  auto body = co_await context.exchange().read_all(kOrderMaxBytes);
  if (!body) co_return context.refuse_call(body.error());
  if (!*body) co_return context.refuse_call(Error(ErrorCode::invalid, "cannot read gc order: it is too large"));
  const auto dry_run = parse_gc_order(**body);
  if (!dry_run) co_return context.refuse_call(dry_run.error());
  const auto begun = collector.begin(*dry_run);
  if (!begun) co_return context.refuse_call(begun.error());
  co_return api_response(200, render_gc(report_of(collector.state())));
}

}  // namespace lifeboat::http
