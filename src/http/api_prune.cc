#include "http/api_prune.h"

#include "http/error_response.h"
#include "http/prune_report.h"

namespace lifeboat::http {
namespace {

constexpr std::size_t kOrderMaxBytes = 4 * kKiB;

}  // namespace

Awaitable<sys::HttpResponse> answer_prune(RequestContext& context) {
  if (context.request().method != sys::HttpMethod::post) co_return context.refuse_method("POST");
  auto body = co_await context.exchange().read_all(kOrderMaxBytes);
  if (!body) co_return context.refuse_call(body.error());
  if (!*body) co_return context.refuse_call(Error(ErrorCode::invalid, "cannot read prune order: it is too large"));
  const auto dry_run = parse_prune_order(**body);
  if (!dry_run) co_return context.refuse_call(dry_run.error());
  const auto report = co_await context.services().retainer.prune(*dry_run);
  if (!report) co_return context.refuse_call(report.error());
  co_return api_response(200, render_prune(answer_of(*report, *dry_run)));
}

}  // namespace lifeboat::http
