#pragma once

#include <span>
#include <string_view>

#include "base/task.h"
#include "http/request_context.h"
#include "http/route.h"

namespace lifeboat::http {

/// One call of the operator's API, `/api/v1/<name>`. Its answers and errors are JSON, described in
/// doc/reference/openapi.yaml, and never cached.
struct ApiCall {
  std::string_view name;
  /// Looks at the method itself.
  Awaitable<sys::HttpResponse> (*answer)(RequestContext& context);
};
std::span<const ApiCall> api_calls();

Awaitable<void> answer(RequestContext& context, const ApiRoute& route);

}  // namespace lifeboat::http
