#include "http/v2_referrers.h"

#include <algorithm>

#include "http/paging.h"
#include "oci/media_type.h"

namespace lifeboat::http {
namespace {

std::string next_page_link(const RequestContext& context, const ReferrersRoute& route, std::string_view artifact_type,
                           std::string_view last) {
  std::string link = "<";
  link.append(path_escaped("/v2/" + route.name + "/referrers/")).append(route.subject.to_string());
  link.append("?last=").append(percent_encoded(last));
  if (!artifact_type.empty()) link.append("&artifactType=").append(percent_encoded(artifact_type));
  if (const auto ns = context.query().first("ns")) link.append("&ns=").append(percent_encoded(*ns));
  return link.append(">; rel=\"next\"");
}

Awaitable<sys::HttpResponse> list_referrers(RequestContext& context, const ReferrersRoute& route) {
  const auto repository = co_await context.locate(route.name, registry::Addressing::Purpose::content);
  if (!repository) co_return context.refuse(repository.error(), Asked::repository);
  auto found = co_await context.services().pull.referrers(context.read_call(), *repository, route.subject);
  if (!found && found.error().code() != ErrorCode::not_found) {
    co_return context.refuse(found.error(), Asked::manifest);
  }
  std::vector<oci::Referrer> all;
  if (found) all = std::move(*found);  // of an unknown subject there are none, which is no 404 (W64)

  const std::string artifact_type = with_plus(context.query().first("artifactType").value_or(""));
  ReferrersPage page =
      referrers_page(std::move(all), artifact_type, context.query().first("last").value_or(""), kReferrersPageMaxBytes);
  sys::HttpResponse response = context.response(200);
  response.fields.add("Content-Type", oci::kOciIndex);
  if (!artifact_type.empty()) response.fields.add("OCI-Filters-Applied", "artifactType");
  if (!page.last.empty()) response.fields.add("Link", next_page_link(context, route, artifact_type, page.last));
  response.body = std::move(page.body);
  co_return response;
}

}  // namespace

ReferrersPage referrers_page(std::vector<oci::Referrer> all, std::string_view artifact_type, std::string_view last,
                             std::size_t max_bytes) {
  std::erase_if(all, [&](const oci::Referrer& referrer) {
    return !artifact_type.empty() && referrer.artifact_type != artifact_type;
  });
  std::ranges::sort(all, {}, &oci::Referrer::digest);
  if (const auto after = oci::Digest::parse(last)) {
    std::erase_if(all, [&](const oci::Referrer& referrer) { return referrer.digest <= *after; });
  }
  ReferrersPage page{oci::render_referrers(all), ""};
  if (page.body.size() <= max_bytes || all.size() <= 1) return page;

  const std::size_t frame = oci::render_referrers({}).size();
  std::size_t total = frame;
  std::size_t count = 0;
  while (count < all.size()) {
    const std::size_t own = oci::render_referrers({all[count]}).size() - frame + 1;
    if (count > 0 && total + own > max_bytes) break;
    total += own;
    ++count;
  }
  const bool has_more = count < all.size();
  all.erase(all.begin() + static_cast<std::ptrdiff_t>(count), all.end());
  page.body = oci::render_referrers(all);
  if (has_more) page.last = all.back().digest.to_string();
  return page;
}

Awaitable<void> answer(RequestContext& context, const ReferrersRoute& route) {
  if (!context.is_read()) co_return co_await context.exchange().respond(context.wrong_method("GET, HEAD"));
  sys::HttpResponse response = co_await list_referrers(context, route);
  co_await context.exchange().respond(std::move(response));
}

}  // namespace lifeboat::http
