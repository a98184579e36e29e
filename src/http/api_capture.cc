#include "http/api_capture.h"

#include <algorithm>

#include "oci/full_reference.h"

namespace lifeboat::http {
namespace {

constexpr std::size_t kOrderMaxBytes = 64 * kKiB;
/// Resolving asks the upstream, each of its endpoints in turn.
constexpr Duration kResolveWithin{30'000};

CaptureReport::Phase phase_of(registry::CaptureState::Phase phase) {
  switch (phase) {
    case registry::CaptureState::Phase::running: return CaptureReport::Phase::running;
    case registry::CaptureState::Phase::waiting: return CaptureReport::Phase::waiting;
    case registry::CaptureState::Phase::done: return CaptureReport::Phase::done;
  }
  return CaptureReport::Phase::waiting;
}

/// What RepositoryId writes.
Result<oci::RepositoryId> repository_of(const registry::UpstreamHosts& hosts, std::string_view text) {
  const std::size_t slash = text.find('/');
  auto host = oci::RegistryHost::parse(text.substr(0, slash));
  if (slash == text.npos || !host || !hosts.contains(*host)) {
    LB_TRY(oci::Repository hosted, oci::Repository::parse(text));
    return oci::RepositoryId{std::nullopt, std::move(hosted)};
  }
  LB_TRY(oci::Repository name, oci::Repository::parse(text.substr(slash + 1)));
  return oci::RepositoryId{std::move(*host), std::move(name)};
}

Task<PrefetchReport> prefetch(RequestContext& context, std::string body) {
  Services& services = context.services();
  LB_CO_TRY(const PrefetchOrder order, parse_order(body));
  LB_CO_TRY(const oci::FullReference reference, oci::FullReference::parse(order.reference));
  registry::PlatformsWanted wanted;
  for (const std::string& platform : order.platforms) {
    LB_CO_TRY(const auto one, registry::PlatformsWanted::parse(platform));
    wanted.add(one);
  }
  const Call call(services.clock.now() + kResolveWithin, context.exchange().request_id());
  LB_CO_TRY(const auto meaning, co_await services.addressing.meaning_of(call, reference));
  if (meaning.repository.is_hosted()) {
    co_return fail(ErrorCode::invalid, "cannot prefetch '" + order.reference +
                                           "': a repository that is hosted here has no upstream (want HOST/NAME)");
  }
  LB_CO_TRY(const auto done,
            co_await services.capture.prefetch(call, meaning.repository, reference.reference, std::move(wanted)));
  PrefetchReport report{.repository = meaning.repository.to_string(), .digest = done.digest.to_string()};
  report.platforms.assign(done.wanted.names.begin(), done.wanted.names.end());
  if (done.wanted.has_all) report.platforms = {"all"};
  if (done.stale) report.stale = done.stale->reason;
  co_return report;
}

Task<CaptureReport> capture(RequestContext& context) {
  const auto repository = context.query().first("repository");
  const auto digest = context.query().first("digest");
  if (!repository || !digest) {
    co_return fail(ErrorCode::invalid, "cannot find capture: 'repository' or 'digest' is missing (want both)");
  }
  LB_CO_TRY(const oci::RepositoryId id, repository_of(*context.services().addressing.hosts(), *repository));
  LB_CO_TRY(const oci::Digest manifest, oci::Digest::parse(with_plus(*digest)));
  LB_CO_TRY(const auto state, co_await context.services().capture.state_of(context.read_call(), id, manifest));
  if (!state.holding.is_here && state.phase == registry::CaptureState::Phase::done) {
    co_return fail(ErrorCode::not_found,
                   "cannot find '" + id.to_string() + "@" + manifest.to_string() + "': it is not held");
  }
  co_return report_of(state, context.services().clock.wall());
}

}  // namespace

CaptureReport report_of(const registry::CaptureState& state, WallTime now) {
  CaptureReport report{.phase = phase_of(state.phase),
                       .blobs_done = state.progress.blobs_done,
                       .blobs_wanted = state.progress.blobs_wanted,
                       .bytes_done = state.progress.bytes_done,
                       .bytes_wanted = state.progress.bytes_wanted,
                       .failures = state.failures,
                       .last_error = state.last_error,
                       .is_here = state.holding.is_here,
                       .is_whole = state.holding.is_whole,
                       .missing = state.holding.missing.size()};
  if (state.next_try) {
    report.retry_in = std::chrono::ceil<std::chrono::seconds>(std::max(*state.next_try - now, Duration(0)));
  }
  for (const registry::Holding::Child& child : state.holding.children) {
    report.platforms.push_back({child.platform, child.digest.to_string(), child.is_whole});
  }
  return report;
}

Awaitable<sys::HttpResponse> answer_prefetch(RequestContext& context) {
  if (context.request().method != sys::HttpMethod::post) co_return context.refuse_method("POST");
  auto body = co_await context.exchange().read_all(kOrderMaxBytes);
  if (!body) co_return context.refuse_call(body.error());
  if (!*body) {
    co_return context.refuse_call(Error(ErrorCode::invalid, "cannot read prefetch order: it is too large"));
  }
  const auto report = co_await prefetch(context, std::move(**body));
  if (!report) co_return context.refuse_call(report.error());
  co_return api_response(200, render_prefetch(*report));
}

Awaitable<sys::HttpResponse> answer_capture(RequestContext& context) {
  if (!context.is_read()) co_return context.refuse_method("GET, HEAD");
  const auto report = co_await capture(context);
  if (!report) co_return context.refuse_call(report.error());
  co_return api_response(200, render_capture(*report));
}

}  // namespace lifeboat::http
