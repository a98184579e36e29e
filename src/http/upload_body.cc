#include "http/upload_body.h"

#include "http/paging.h"
#include "oci/range.h"

namespace lifeboat::http {

using oci::OciErrorCode;
using registry::Uploads;

void add_session_fields(sys::HttpFields& fields, std::string_view name, const Uploads::Lease& lease) {
  const std::string& id = lease.id().to_string();
  std::string location = "/v2/";
  fields.add("Location", location.append(path_escaped(name)).append("/blobs/uploads/").append(id));
  fields.add("Range", oci::render_upload_range(lease.received()));
  fields.add("Docker-Upload-UUID", id);
}

sys::HttpResponse session_response(const RequestContext& context, int status, std::string_view name,
                                   const Uploads::Lease& lease) {
  sys::HttpResponse response = context.response(status);
  add_session_fields(response.fields, name, lease);
  return response;
}

sys::HttpResponse created_response(const RequestContext& context, std::string_view name, const oci::Digest& digest) {
  sys::HttpResponse response = context.response(201);
  std::string location = "/v2/";
  response.fields.add("Location", location.append(path_escaped(name)).append("/blobs/").append(digest.to_string()));
  response.fields.add("Docker-Content-Digest", digest.to_string());
  return response;
}

AnnouncedChunk announced_chunk(RequestContext& context, std::string_view name, const Uploads::Lease& lease) {
  const auto field = context.request().fields.find("Content-Range");
  if (!field) return {};
  const auto range = oci::parse_upload_range(*field);
  AnnouncedChunk chunk;
  if (!range) {
    chunk.refusal = context.refuse(400, OciErrorCode::blob_upload_invalid, range.error().message());
  } else if (range->first != lease.received()) {
    chunk.refusal =
        context.refuse(416, OciErrorCode::blob_upload_invalid,
                       "cannot append to the upload: it goes on at another offset (got " +
                           std::to_string(range->first) + ", want " + std::to_string(lease.received()) + ")");
    add_session_fields(chunk.refusal->fields, name, lease);
  } else if (context.exchange().body_length().value_or(range->length) != range->length) {
    chunk.refusal = context.refuse(400, OciErrorCode::size_invalid,
                                   "cannot append to the upload: Content-Range and Content-Length differ (got " +
                                       std::to_string(*context.exchange().body_length()) + " bytes, want " +
                                       std::to_string(range->length) + ")");
    add_session_fields(chunk.refusal->fields, name, lease);
  } else {
    chunk.length = range->length;
  }
  return chunk;
}

Awaitable<ReceivedBody> receive_body(sys::HttpExchange& exchange, Uploads::Lease& lease, uint64_t length_max) {
  ReceivedBody received;
  for (;;) {
    auto block = co_await exchange.read_block();
    if (!block) {
      received.read_failure = std::move(block).error();
      break;
    }
    if (block->size() == 0) break;
    if (block->size() > length_max - received.bytes) {
      received.is_too_long = true;
      break;
    }
    received.bytes += block->size();
    if (Status kept = co_await lease.append(std::move(*block)); !kept) {
      received.write_failure = std::move(kept).error();
      co_return received;
    }
  }
  // Whatever happened: what arrived is written before anybody is told how far the session got.
  if (Status kept = co_await lease.flush(); !kept) received.write_failure = std::move(kept).error();
  co_return received;
}

}  // namespace lifeboat::http
