#include "http/v2_tags.h"

#include "http/paging.h"
#include "oci/text.h"

namespace lifeboat::http {
namespace {

void append_list(std::string& out, const std::vector<std::string>& texts) {
  out.push_back('[');
  for (const std::string& text : texts) {
    if (&text != &texts.front()) out.push_back(',');
    oci::append_json_text(out, text);
  }
  out.push_back(']');
}

/// A page of a list as JSON, with the link to the next one when there is one and this one says where it begins.
sys::HttpResponse page_response(const RequestContext& context, std::string body, std::string link) {
  sys::HttpResponse response = context.response(200);
  response.fields.add("Content-Type", "application/json");
  if (!link.empty()) response.fields.add("Link", link);
  response.body = std::move(body);
  return response;
}

sys::HttpResponse bad_page(RequestContext& context, const Error& error) {
  return context.refuse(400, oci::OciErrorCode::unsupported, error.message());
}

Awaitable<sys::HttpResponse> list_tags(RequestContext& context, const TagsRoute& route) {
  const auto page = parse_page(context.query());
  if (!page) co_return bad_page(context, page.error());
  const auto repository = co_await context.locate(route.name, registry::Addressing::Purpose::content);
  if (!repository) co_return context.refuse(repository.error(), Asked::repository);
  const auto found = co_await context.services().pull.tags(context.read_call(), *repository, page->last, page->limit);
  if (!found) co_return context.refuse(found.error(), Asked::repository);

  std::string body = R"({"name":)";
  oci::append_json_text(body, route.name);
  body.append(R"(,"tags":)");
  append_list(body, found->tags);
  body.push_back('}');
  const bool has_next = found->has_more && !found->tags.empty();
  co_return page_response(
      context, std::move(body),
      has_next ? next_link("/v2/" + route.name + "/tags/list", *page, found->tags.back(), context.query()) : "");
}

Awaitable<sys::HttpResponse> list_repositories(RequestContext& context) {
  const auto page = parse_page(context.query());
  if (!page) co_return bad_page(context, page.error());
  meta::RepositoryPage found;
  if (page->limit > 0) {
    auto listed = co_await context.services().names.repositories().list(context.read_call(), page->last, page->limit);
    if (!listed) co_return context.refuse(listed.error(), Asked::repository);
    found = std::move(*listed);
  }
  std::string body = R"({"repositories":)";
  append_list(body, found.names);
  body.push_back('}');
  const bool has_next = found.has_more && !found.names.empty();
  co_return page_response(context, std::move(body),
                          has_next ? next_link("/v2/_catalog", *page, found.names.back(), context.query()) : "");
}

}  // namespace

Awaitable<void> answer(RequestContext& context, const TagsRoute& route) {
  if (!context.is_read()) co_return co_await context.exchange().respond(context.wrong_method("GET, HEAD"));
  sys::HttpResponse response = co_await list_tags(context, route);
  co_await context.exchange().respond(std::move(response));
}

Awaitable<void> answer(RequestContext& context, const CatalogRoute&) {
  if (!context.is_read()) co_return co_await context.exchange().respond(context.wrong_method("GET, HEAD"));
  sys::HttpResponse response = co_await list_repositories(context);
  co_await context.exchange().respond(std::move(response));
}

}  // namespace lifeboat::http
