#include "http/blob_answer.h"

#include <algorithm>

#include "http/conditional.h"
#include "http/prepared_answer.h"
#include "http/v2_blobs.h"
#include "oci/media_type.h"

namespace lifeboat::http {
namespace {

using oci::RangeRequest;
using FetchState = registry::BlobFetch::State;

/// The fetch has deadlines of its own for an upstream that stalls; this one is for a fetch that lost its way.
constexpr Duration kFollowStallMax{60'000};
/// How soon a reader of a stalled fetch sees that its connection is to end.
constexpr Duration kFollowLookEvery{500};

std::string if_none_match(const RequestContext& context) { return context.request().fields.joined("If-None-Match"); }

/// All of it, as it will also be sent next time without asking.
Result<std::shared_ptr<const sys::PreparedAnswer>> prepare_whole(const RequestContext& context,
                                                                 const oci::Digest& digest, blob::Content content) {
  const sys::HttpResponse head = blob_head(context, digest, 200);
  if (content.size_bytes > kBlobInMemoryMaxBytes) {
    return prepare(head, {"", std::move(content.bytes), content.size_bytes});
  }
  std::string bytes(content.size_bytes, '\0');
  LB_TRY(const std::size_t count, content.bytes->read_at(0, std::as_writable_bytes(std::span(bytes))));
  if (count != bytes.size()) {
    return fail(ErrorCode::corrupt, "cannot read blob '" + digest.to_string() + "': it ends early (got " +
                                        std::to_string(count) + " bytes, want " + std::to_string(bytes.size()) + ")");
  }
  return prepare(head, {std::move(bytes), nullptr, content.size_bytes});
}

Awaitable<void> send_part(RequestContext& context, sys::HttpResponse head, const sys::ReadableFile& file,
                          oci::ByteRange range) {
  sys::HttpExchange& exchange = context.exchange();
  Status sent = co_await exchange.begin(std::move(head), range.length);
  if (sent) sent = co_await exchange.send_file(file, range.first, range.length);
  if (!sent) context.note_cut(sent.error());
}

/// The state once the size is known: a HEAD must tell it, and a range is a part of it.
Task<FetchState> wait_for_size(Call call, registry::BlobFetch& fetch) {
  for (;;) {
    const uint64_t seen = fetch.changed().version();
    FetchState now = fetch.state();
    if (now.phase == FetchState::Phase::failed) co_return std::unexpected(*now.failure);
    if (now.size_bytes) co_return now;
    const bool has_changed = co_await fetch.changed().wait(seen, call.deadline());
    if (!has_changed) {
      co_return fail(ErrorCode::timed_out, "cannot tell the blob's size yet: the upstream did not announce it");
    }
  }
}

/// Sends `[first, end)` as it comes; `end` nothing: to wherever the blob ends.
Awaitable<void> follow(RequestContext& context, registry::BlobFetch& fetch, uint64_t first,
                       std::optional<uint64_t> end) {
  sys::HttpExchange& exchange = context.exchange();
  sys::Clock& clock = context.services().clock;
  SteadyTime stalled_at = clock.now() + kFollowStallMax;
  uint64_t sent = first;
  while (!end || sent < *end) {
    const uint64_t seen = fetch.changed().version();
    const FetchState now = fetch.state();
    const bool is_committed = now.phase == FetchState::Phase::committed;
    const uint64_t available = std::min(now.available_bytes, end.value_or(now.available_bytes));
    Status status;
    if (available > sent) {
      status = co_await exchange.send_file(*now.bytes, sent, available - sent);
      sent = available;
      stalled_at = clock.now() + kFollowStallMax;
    } else if (now.phase == FetchState::Phase::failed) {
      status = std::unexpected(*now.failure);
    } else if (is_committed && !end) {
      break;
    } else if (is_committed) {
      status = fail(ErrorCode::corrupt, "cannot end the blob: it is shorter than the upstream announced");
    } else if (exchange.is_cut()) {
      status = fail(ErrorCode::cancelled, "cannot go on with the blob: the server is stopping");
    } else if (clock.now() >= stalled_at) {
      status = fail(ErrorCode::unavailable, "cannot go on with the blob: nothing came for a long time");
    } else {
      (void)co_await fetch.changed().wait(seen, std::min(stalled_at, clock.now() + kFollowLookEvery));
    }
    if (!status) co_return context.note_cut(status.error());
  }
  if (const Status ended = co_await exchange.end(); !ended) context.note_cut(ended.error());
}

}  // namespace

std::optional<RangeRequest> asked_range(const RequestContext& context, const oci::Digest& digest, uint64_t size_bytes) {
  const sys::HttpFields& fields = context.request().fields;
  const auto field = fields.find("Range");
  if (context.is_head() || !field) return std::nullopt;
  if (!range_applies(fields.find("If-Range").value_or(""), digest.to_string())) return std::nullopt;
  const RangeRequest range = RangeRequest::parse(*field, size_bytes);
  return range.kind == RangeRequest::Kind::whole ? std::nullopt : std::optional(range);
}

sys::HttpResponse blob_head(const RequestContext& context, const oci::Digest& digest, int status) {
  sys::HttpResponse head = context.response(status);
  head.fields.add("Content-Type", oci::kOctetStream);
  head.fields.add("Accept-Ranges", "bytes");
  add_content_fields(head.fields, digest.to_string(), true);
  return head;
}

sys::HttpResponse range_head(RequestContext& context, const oci::Digest& digest, const RangeRequest& range,
                             uint64_t size_bytes) {
  if (range.kind == RangeRequest::Kind::unsatisfiable) {
    sys::HttpResponse head =
        context.refuse(416, oci::OciErrorCode::size_invalid,
                       "cannot send that range: the blob has " + std::to_string(size_bytes) + " bytes");
    head.fields.add("Content-Range", oci::render_unsatisfied_range(size_bytes));
    return head;
  }
  sys::HttpResponse head = blob_head(context, digest, 206);
  head.fields.add("Content-Range", oci::render_content_range(range.range, size_bytes));
  return head;
}

Awaitable<void> serve_content(RequestContext& context, const BlobRoute& route, blob::Content content,
                              const Watch& watch) {
  sys::HttpExchange& exchange = context.exchange();
  const std::string digest = route.digest.to_string();
  const bool is_known = is_known_to_client(if_none_match(context), digest);
  const auto range = is_known ? std::nullopt : asked_range(context, route.digest, content.size_bytes);
  if (range) {
    sys::HttpResponse head = range_head(context, route.digest, *range, content.size_bytes);
    if (head.status != 206) co_return co_await exchange.respond(std::move(head));
    co_return co_await send_part(context, std::move(head), *content.bytes, range->range);
  }
  const auto prepared = prepare_whole(context, route.digest, std::move(content));
  if (!prepared) co_return co_await exchange.respond(context.refuse(prepared.error(), Asked::blob));
  const SteadyTime valid_until = context.services().clock.now() + registry::kRenewedWithin;
  context.services().answers.keep(exchange.loop(), context.request().target,
                                  {*prepared, digest, RouteKind::blob, valid_until}, watch);
  sys::PreparedHit hit{*prepared, is_known};
  co_await exchange.respond_prepared(std::move(hit));
}

Awaitable<void> serve_fetch(RequestContext& context, const BlobRoute& route,
                            std::shared_ptr<registry::BlobFetch> fetch) {
  sys::HttpExchange& exchange = context.exchange();
  const Call call = context.read_call();
  if (is_known_to_client(if_none_match(context), route.digest.to_string())) {
    sys::HttpResponse head = context.response(304);
    add_content_fields(head.fields, route.digest.to_string(), true);
    co_return co_await exchange.respond(std::move(head));
  }
  const bool needs_size = context.is_head() || context.request().fields.find("Range").has_value();
  Result<FetchState> promised = co_await fetch->wait_for_promise(call);
  if (promised && needs_size) promised = co_await wait_for_size(call, *fetch);
  if (!promised) co_return co_await exchange.respond(context.refuse(promised.error(), Asked::blob));

  const auto size_bytes = promised->size_bytes;
  const auto range = size_bytes ? asked_range(context, route.digest, *size_bytes) : std::nullopt;
  sys::HttpResponse head =
      range ? range_head(context, route.digest, *range, *size_bytes) : blob_head(context, route.digest, 200);
  if (head.status == 416) co_return co_await exchange.respond(std::move(head));
  context.name_endpoint(head, promised->endpoint);
  const std::optional<uint64_t> length = range ? std::optional(range->range.length) : size_bytes;
  if (const Status begun = co_await exchange.begin(std::move(head), length); !begun) {
    co_return context.note_cut(begun.error());
  }
  if (context.is_head()) co_return;
  const uint64_t first = range ? range->range.first : 0;
  co_await follow(context, *fetch, first, length ? std::optional(first + *length) : std::nullopt);
}

}  // namespace lifeboat::http
