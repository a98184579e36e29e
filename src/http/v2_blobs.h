#pragma once

#include "base/task.h"
#include "http/request_context.h"
#include "http/route.h"

namespace lifeboat::http {

/// Blobs up to this are kept in memory with their answer; larger ones as open files.
inline constexpr uint64_t kBlobInMemoryMaxBytes = 16 * kKiB;

/// `GET|HEAD|DELETE /v2/<name>/blobs/<digest>` (OCI distribution-spec 1.1, end-2, end-10; W23 … W26, W69, W70, W89).
Awaitable<void> answer(RequestContext& context, const BlobRoute& route);

}  // namespace lifeboat::http
