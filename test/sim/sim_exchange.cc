#include "test/sim/sim_exchange.h"

#include <algorithm>

#include "base/assert.h"
#include "test/support/fake_exchange.h"

namespace lifeboat::sim {
namespace {

constexpr std::size_t kPieceBytes = 128 * kKiB;

}  // namespace

SimExchange::SimExchange(sys::HttpRequest request, std::string request_id, SimReader reader)
    : request_(std::move(request)), request_id_(std::move(request_id)), reader_(reader) {}

void SimExchange::take_head(int status, sys::HttpFields fields) {
  LB_ASSERT(reply_.status == 0);
  reply_.status = status;
  reply_.fields = std::move(fields);
  reply_.answered = clock_.now();
}

Task<sys::Block> SimExchange::read_block() { co_return sys::Block(); }

Task<std::optional<std::string>> SimExchange::read_all(std::size_t) { co_return std::optional<std::string>(""); }

Awaitable<void> SimExchange::respond(sys::HttpResponse response) {
  take_head(response.status, std::move(response.fields));
  if (response.status != 304) reply_.length = response.body.size();
  if (!is_head()) reply_.body = std::move(response.body);
  reply_.is_complete = true;
  co_return;
}

Awaitable<void> SimExchange::respond_prepared(sys::PreparedHit hit) {
  const sys::PreparedAnswer& prepared = *hit.answer;
  auto [status, fields] = test::parse_prepared_head(hit.is_not_modified ? prepared.not_modified_head : prepared.head);
  take_head(status, std::move(fields));
  reply_.is_complete = true;
  if (hit.is_not_modified) co_return;
  reply_.length = prepared.size_bytes;
  if (is_head()) co_return;
  reply_.body = prepared.body;
  if (!prepared.file) co_return;
  reply_.body.resize(prepared.size_bytes);
  const auto count = prepared.file->read_at(0, std::as_writable_bytes(std::span(reply_.body)));
  reply_.is_complete = count.has_value() && *count == prepared.size_bytes;
}

Task<void> SimExchange::begin(sys::HttpResponse head, std::optional<uint64_t> length) {
  take_head(head.status, std::move(head.fields));
  reply_.length = length;
  reply_.is_complete = is_head() || length == 0;
  co_return Status{};
}

Task<void> SimExchange::send(ByteView bytes) {
  LB_ASSERT(reply_.status != 0);
  if (is_head()) co_return Status{};
  if (reader_.rate_bytes > 0) {
    const auto takes = static_cast<int64_t>(bytes.size() * 1000 / reader_.rate_bytes);
    co_await clock_.sleep_until(clock_.now() + Duration(takes));
  }
  if (reader_.leaves_after && reply_.body.size() + bytes.size() > *reader_.leaves_after) {
    co_return fail(ErrorCode::cancelled, "cannot send the body: the client left");
  }
  reply_.body.append(as_text(bytes));
  LB_ASSERT(!reply_.length || reply_.body.size() <= *reply_.length);
  if (reply_.length) reply_.is_complete = reply_.body.size() == *reply_.length;
  co_return Status{};
}

Task<void> SimExchange::send_file(const sys::ReadableFile& file, uint64_t offset, uint64_t length) {
  while (length > 0) {
    std::string piece(std::min<uint64_t>(length, kPieceBytes), '\0');
    LB_CO_TRY(const std::size_t count, file.read_at(offset, std::as_writable_bytes(std::span(piece))));
    if (count != piece.size()) co_return fail(ErrorCode::corrupt, "cannot send the body: the bytes end early");
    LB_CO_CHECK(co_await send(as_bytes(piece)));
    offset += count;
    length -= count;
  }
  co_return Status{};
}

Task<void> SimExchange::end() {
  if (!reply_.length) reply_.is_complete = true;
  co_return Status{};
}

}  // namespace lifeboat::sim
