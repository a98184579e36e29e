#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "base/error.h"
#include "base/task.h"
#include "http/request_context.h"
#include "registry/uploads.h"

/// From a request's body into an upload session.
namespace lifeboat::http {

/// Answers about a session carry where it is and how far it got (W34, W36, W38).
sys::HttpResponse session_response(const RequestContext& context, int status, std::string_view name,
                                   const registry::Uploads::Lease& lease);
/// The same fields on an answer that is there already.
void add_session_fields(sys::HttpFields& fields, std::string_view name, const registry::Uploads::Lease& lease);
/// 201 with where the blob is now.
sys::HttpResponse created_response(const RequestContext& context, std::string_view name, const oci::Digest& digest);

/// What the head says of the body, checked before any of it is read (W4, W36).
struct AnnouncedChunk {
  std::optional<uint64_t> length;  ///< by Content-Range
  std::optional<sys::HttpResponse> refusal;
};
AnnouncedChunk announced_chunk(RequestContext& context, std::string_view name, const registry::Uploads::Lease& lease);

struct ReceivedBody {
  uint64_t bytes = 0;
  std::optional<Error> read_failure;   ///< the client's side broke; what arrived is in the session (W43)
  std::optional<Error> write_failure;  ///< ours did; the session is only good to be cancelled
  bool is_too_long = false;            ///< more came than `length_max`; what is over was not kept
};
Awaitable<ReceivedBody> receive_body(sys::HttpExchange& exchange, registry::Uploads::Lease& lease,
                                     uint64_t length_max = std::numeric_limits<uint64_t>::max());

}  // namespace lifeboat::http
