#pragma once

#include "base/task.h"
#include "http/request_context.h"
#include "http/route.h"

/// Upload sessions (OCI distribution-spec 1.1, end-4a … end-6, end-11, end-13, end-14; W34 … W50).
///
/// A session is given back before its answer is sent: the client may come back on another connection at once.
namespace lifeboat::http {

/// `POST …/blobs/uploads/`: a new session, a mount, or a whole blob at once.
Awaitable<void> answer(RequestContext& context, const UploadsRoute& route);

/// `PATCH|PUT|GET|DELETE …/blobs/uploads/<id>`.
Awaitable<void> answer(RequestContext& context, const UploadRoute& route);

}  // namespace lifeboat::http
