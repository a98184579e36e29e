#include "fuzz.h"
#include "http/route.h"

using namespace lifeboat;

namespace {

void check(sys::HttpMethod method, std::string_view text, sys::HttpDoor door = sys::HttpDoor::network) {
  const auto routed = http::parse_route(method, text, door);
  if (!routed) {
    LB_ASSERT(routed.error().status == 400 || routed.error().status == 404);
    LB_ASSERT(!routed.error().message.empty() && routed.error().message.size() < 400);
    return;
  }
  const std::string_view name = std::visit(
      [](const auto& route) -> std::string_view {
        if constexpr (requires { route.name; }) return route.name;
        return "any";
      },
      routed->route);
  LB_ASSERT(!name.empty() && name.front() != '/' && name.back() != '/');
  LB_ASSERT(name.find("//") == std::string_view::npos);
  LB_ASSERT(http::to_string(http::kind_of(routed->route)) != "other");
  (void)routed->query.every("tag");
}

}  // namespace

LB_FUZZ(text) {
  check(sys::HttpMethod::get, text);
  check(sys::HttpMethod::put, text);
  check(sys::HttpMethod::get, text, sys::HttpDoor::local);
  LB_ASSERT(http::path_of(text).find('?') == std::string_view::npos);
  LB_ASSERT(http::percent_decoded(http::percent_encoded(text)) == text);
}
