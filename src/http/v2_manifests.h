#pragma once

#include "base/task.h"
#include "http/request_context.h"
#include "http/route.h"

namespace lifeboat::http {

/// The most tags one push may set (W57).
inline constexpr std::size_t kTagsPerPushMax = 100;

/// `GET|HEAD|PUT|DELETE /v2/<name>/manifests/<reference>` (OCI distribution-spec 1.1, end-3, end-7, end-9; W29 … W33,
/// W51 … W59, W68, W69). What is stored is served whatever the `Accept` (W30).
Awaitable<void> answer(RequestContext& context, const ManifestRoute& route);

}  // namespace lifeboat::http
