#include "http/api_tags.h"

#include <algorithm>

#include "http/tag_report.h"
#include "oci/full_reference.h"

namespace lifeboat::http {
namespace {

constexpr std::size_t kOrderMaxBytes = 4 * kKiB;
constexpr std::size_t kReasonMaxBytes = 1 * kKiB;

/// The order in the body of a POST, as `parse` reads it.
template <class Order>
Task<Order> read_order(RequestContext& context, Result<Order> (*parse)(std::string_view)) {
  auto body = co_await context.exchange().read_all(kOrderMaxBytes);
  if (!body) co_return std::unexpected(body.error());
  if (!*body) co_return fail(ErrorCode::invalid, "cannot read order: it is too large");
  co_return parse(**body);
}

Task<HistoryReport> history(RequestContext& context) {
  const auto text = context.query().first("repository");
  if (!text) co_return fail(ErrorCode::invalid, "cannot tell a history: 'repository' is missing");
  LB_CO_TRY(oci::FullReference reference, oci::FullReference::parse(*text));
  std::optional<oci::Tag> tag;
  if (const auto name = context.query().first("tag")) {
    LB_CO_TRY(tag, oci::Tag::parse(*name));
  }
  registry::TagHistory& all = context.services().history;
  LB_CO_TRY(const oci::RepositoryId repository, co_await all.repository_of(context.read_call(), std::move(reference)));
  // Of a long history there is much to read.
  LB_CO_TRY(const auto page, co_await all.moments(context.write_call(), repository, std::move(tag)));
  co_return report_of(repository, page);
}

Task<RestoreReport> restore(RequestContext& context) {
  LB_CO_TRY(const RestoreOrder order, co_await read_order(context, parse_restore_order));
  LB_CO_TRY(oci::FullReference reference, oci::FullReference::parse(order.reference));
  const oci::Tag* const named = reference.reference.tag();
  if (named == nullptr) {
    co_return fail(ErrorCode::invalid, "cannot restore '" + order.reference + "': it names no tag");
  }
  registry::TagHistory& all = context.services().history;
  const oci::Tag tag = *named;
  LB_CO_TRY(oci::RepositoryId repository, co_await all.repository_of(context.read_call(), std::move(reference)));
  registry::TagRestore wanted{
      .repository = std::move(repository), .tag = tag, .number = order.number, .is_dry_run = order.is_dry_run};
  if (!order.digest.empty()) {
    LB_CO_TRY(wanted.to, oci::Digest::parse(order.digest));
  }
  LB_CO_TRY(const registry::RestoredTag restored, co_await all.restore(context.write_call(), wanted));
  co_return RestoreReport{.repository = wanted.repository.to_string(),
                          .tag = tag.to_string(),
                          .digest = restored.digest.to_string(),
                          .before = restored.before ? restored.before->to_string() : "",
                          .manifests = restored.manifests};
}

struct Pinned {
  oci::RepositoryId repository;
  std::string reference;
};

/// As `lifeboat tag pins` prints it.
std::string text_of(const std::string& repository, const std::string& reference) {
  return repository + (reference.find(':') == std::string::npos ? ":" : "@") + reference;
}

Task<Pinned> pinned_by(RequestContext& context, std::string text) {
  LB_CO_TRY(oci::FullReference reference, oci::FullReference::parse(text));
  std::string what = reference.reference.to_string();
  LB_CO_TRY(oci::RepositoryId repository,
            co_await context.services().history.repository_of(context.read_call(), std::move(reference)));
  co_return Pinned{std::move(repository), std::move(what)};
}

/// A name without a host that nobody hosts yet means the default host's, until the first push: a pin of it would then
/// protect what nobody meant.
Task<void> check_is_meant(RequestContext& context, std::string text, Pinned pinned) {
  LB_CO_TRY(const oci::FullReference reference, oci::FullReference::parse(text));
  if (reference.host || !pinned.repository.host) co_return Status();
  const std::string named = pinned.repository.to_string();
  LB_CO_TRY(const bool is_held, co_await context.services().names.repositories().contains(
                                    context.read_call(), std::move(pinned.repository)));
  if (is_held) co_return Status();
  co_return fail(ErrorCode::invalid, "cannot pin '" + text + "': no repository '" + reference.repository.to_string() +
                                         "' is hosted here, and nothing of '" + named + "' is held (want '" +
                                         text_of(named, pinned.reference) + "' to pin that one, or a push first)");
}

Task<Pinned> add_pin(RequestContext& context) {
  LB_CO_TRY(const PinOrder order, co_await read_order(context, parse_pin_order));
  if (order.reason.size() > kReasonMaxBytes) {
    co_return fail(ErrorCode::invalid, "cannot pin '" + order.reference + "': the reason is too long (want at most " +
                                           std::to_string(kReasonMaxBytes) + " bytes)");
  }
  LB_CO_TRY(const Pinned pinned, co_await pinned_by(context, order.reference));
  LB_CO_CHECK(co_await check_is_meant(context, order.reference, pinned));
  Services& services = context.services();
  meta::Pin pin{.repository = pinned.repository,
                .reference = pinned.reference,
                .at = services.clock.wall(),
                .reason = order.reason};
  LB_CO_CHECK(co_await services.names.usage().add_pin(context.write_call(), std::move(pin)));
  co_return pinned;
}

Task<Pinned> remove_pin(RequestContext& context) {
  const auto text = context.query().first("reference");
  if (!text) co_return fail(ErrorCode::invalid, "cannot remove a pin: 'reference' is missing");
  meta::UsageIndex& usage = context.services().names.usage();
  LB_CO_TRY(const auto all, co_await usage.pins(context.read_call()));
  // One that is there goes by its own name, also when its upstream is configured no more.
  const auto listed = std::ranges::find_if(
      all, [&](const meta::Pin& pin) { return text_of(pin.repository.to_string(), pin.reference) == *text; });
  if (listed != all.end()) {
    LB_CO_CHECK(co_await usage.remove_pin(context.write_call(), listed->repository, listed->reference));
    co_return Pinned{listed->repository, listed->reference};
  }
  LB_CO_TRY(const Pinned pinned, co_await pinned_by(context, std::string(*text)));
  LB_CO_CHECK(co_await usage.remove_pin(context.write_call(), pinned.repository, pinned.reference));
  co_return pinned;
}

Task<PinsReport> pins(RequestContext& context) {
  std::optional<Pinned> changed;
  if (context.request().method == sys::HttpMethod::post) {
    LB_CO_TRY(changed, co_await add_pin(context));
  } else if (!context.is_read()) {
    LB_CO_TRY(changed, co_await remove_pin(context));
  }
  LB_CO_TRY(const auto all, co_await context.services().names.usage().pins(context.read_call()));
  PinsReport report = report_of(all);
  if (changed) {
    report.repository = changed->repository.to_string();
    report.reference = changed->reference;
  }
  co_return report;
}

}  // namespace

Awaitable<sys::HttpResponse> answer_history(RequestContext& context) {
  if (!context.is_read()) co_return context.refuse_method("GET, HEAD");
  const auto report = co_await history(context);
  if (!report) co_return context.refuse_call(report.error());
  co_return api_response(200, render_history(*report));
}

Awaitable<sys::HttpResponse> answer_restore(RequestContext& context) {
  if (context.request().method != sys::HttpMethod::post) co_return context.refuse_method("POST");
  const auto report = co_await restore(context);
  if (!report) co_return context.refuse_call(report.error());
  co_return api_response(200, render_restore(*report));
}

Awaitable<sys::HttpResponse> answer_pins(RequestContext& context) {
  const sys::HttpMethod method = context.request().method;
  const bool is_known = context.is_read() || method == sys::HttpMethod::post || method == sys::HttpMethod::delete_;
  if (!is_known) co_return context.refuse_method("GET, HEAD, POST, DELETE");
  const auto report = co_await pins(context);
  if (!report) co_return context.refuse_call(report.error());
  co_return api_response(200, render_pins(*report));
}

}  // namespace lifeboat::http
