#pragma once

#include <memory>
#include <optional>

#include "base/task.h"
#include "blob/store.h"
#include "http/request_context.h"
#include "http/route.h"
#include "oci/range.h"
#include "registry/blob_fetch.h"

/// How a blob goes out: whole, in part, or while it still comes in.
namespace lifeboat::http {

/// What a GET asks of a blob of this size: nothing when it is all of it, which is also so for a HEAD and for an
/// `If-Range` that names something else.
std::optional<oci::RangeRequest> asked_range(const RequestContext& context, const oci::Digest& digest,
                                             uint64_t size_bytes);

/// Fields of a 200 or 206 of this blob.
sys::HttpResponse blob_head(const RequestContext& context, const oci::Digest& digest, int status);
/// 206 with its Content-Range, or 416 (its body is its own: W24).
sys::HttpResponse range_head(RequestContext& context, const oci::Digest& digest, const oci::RangeRequest& range,
                             uint64_t size_bytes);

/// A blob that is here.
Awaitable<void> serve_content(RequestContext& context, const BlobRoute& route, blob::Content content,
                              const Watch& watch);

/// A blob on its way: what is there now, then what comes, until it is whole. When it fails the answer just ends, and
/// the client sees a body that is too short (W87).
Awaitable<void> serve_fetch(RequestContext& context, const BlobRoute& route,
                            std::shared_ptr<registry::BlobFetch> fetch);

}  // namespace lifeboat::http
