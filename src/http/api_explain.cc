#include "http/api_explain.h"

#include <algorithm>
#include <utility>

#include "http/api_capture.h"
#include "http/explain_report.h"
#include "oci/full_reference.h"
#include "registry/explain.h"

namespace lifeboat::http {
namespace {

using Means = ExplainReport::Means;
using By = registry::Addressing::Meaning::By;

std::chrono::seconds between(WallTime from, WallTime to) { return std::chrono::floor<std::chrono::seconds>(to - from); }

Means means_of(By by) {
  switch (by) {
    case By::host: return Means::host;
    case By::hosted: return Means::hosted;
    case By::default_host: return Means::default_host;
  }
  return Means::unknown;
}

ExplainReport::Policy policy_of(const registry::Explanation& told) {
  const registry::CapturePolicy& capture = told.upstream->capture;
  return {.rule = told.rule != nullptr ? told.rule->match.to_string() : std::string(),
          .fresh_for = told.policy.fresh_for,
          .max_stale = told.policy.max_stale,
          .revalidate_within = told.policy.revalidate_within,
          .drops_gone = told.policy.drops_gone,
          .serves_on_credential_fault = told.policy.serves_on_credential_fault,
          .capture = !capture.is_on              ? "none"
                     : capture.has_all_platforms ? "all"
                                                 : "requested",
          .capture_platforms = capture.platforms,
          .captures_referrers = capture.has_referrers};
}

void add_held(const registry::Explanation& told, ExplainReport& report) {
  if (told.digest) report.digest = told.digest->to_string();
  if (told.served) report.served_digest = told.served->to_string();
  if (told.tag) {
    report.tag = {between(told.tag->checked, told.now),
                  std::chrono::ceil<std::chrono::seconds>(told.tag->checked + told.policy.fresh_for - told.now),
                  told.tag->is_gone_upstream};
  }
  report.capture = report_of(told.capture, told.now);
  if (!told.digest) report.capture.phase = CaptureReport::Phase::done;
  for (const registry::Explanation::Child& child : told.children) {
    report.children.push_back({child.platform, child.digest.to_string(), child.is_here, child.is_whole, child.missing});
  }
  for (const meta::TagPast& one : told.past) {
    report.history.push_back({one.digest.to_string(), between(one.since, told.now)});
  }
}

Task<ExplainReport> explain(RequestContext& context) {
  Services& services = context.services();
  const auto text = context.query().first("reference");
  if (!text) co_return fail(ErrorCode::invalid, "cannot explain: 'reference' is missing");
  LB_CO_TRY(const oci::FullReference reference, oci::FullReference::parse(*text));
  ExplainReport report{.reference = reference.to_string()};
  auto told = co_await services.explain.of(context.read_call(), reference);
  if (!told && told.error().code() == ErrorCode::not_found) {
    report.why_unknown = told.error().message();
    co_return report;
  }
  if (!told) co_return std::unexpected(std::move(told).error());
  const oci::RepositoryId& repository = told->meaning.repository;
  report.repository = repository.to_string();
  report.means = means_of(told->meaning.by);
  report.outlook = told->outlook;
  report.is_frozen = told->is_frozen;
  add_held(*told, report);
  if (told->upstream == nullptr) co_return report;
  report.host = repository.host->to_string();
  report.policy = policy_of(*told);
  StatusReport status = services.status.report();
  const auto host = std::ranges::find(status.hosts, report.host, &HostStatus::host);
  if (host != status.hosts.end()) report.endpoints = std::move(host->endpoints);
  co_return report;
}

}  // namespace

Awaitable<sys::HttpResponse> answer_explain(RequestContext& context) {
  if (!context.is_read()) co_return context.refuse_method("GET, HEAD");
  const auto report = co_await explain(context);
  if (!report) co_return context.refuse_call(report.error());
  co_return api_response(200, render_explain(*report));
}

}  // namespace lifeboat::http
