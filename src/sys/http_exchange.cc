#include <array>
#include <cstdio>
#include <cstring>

#include "base/assert.h"
#include "sys/http_exchange_native.h"

namespace lifeboat::sys {
namespace {

/// A rest of an unread body up to this is read and dropped to keep the connection; more ends it.
constexpr uint64_t kDropMaxBytes = 64 * kKiB;
constexpr std::size_t kRawChunkBytes = 64 * kKiB;
constexpr std::size_t kCopyBytes = 128 * kKiB;

std::unexpected<Error> client_left() { return fail(ErrorCode::cancelled, "cannot go on: the client left"); }

}  // namespace

std::string render_head(const HttpResponse& response, std::optional<uint64_t> length, std::string_view date_line) {
  std::string head;
  head.reserve(512);
  head.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  head.append(reason_phrase(response.status)).append("\r\n");
  for (const auto& [name, value] : response.fields.all()) head.append(name).append(": ").append(value).append("\r\n");
  if (length && response.status != 204 && response.status != 304) {
    head.append("Content-Length: ").append(std::to_string(*length)).append("\r\n");
  }
  head.append(date_line);
  return head;
}

Task<void> HttpFileSender::wait(Step::Kind want) {
  const bool is_ready = co_await transport_.wait(want, floor_.deadline());
  if (is_cut_) co_return client_left();
  if (is_ready) co_return Status{};
  if (!floor_.renew(clock_.now())) {
    co_return fail(ErrorCode::timed_out, "cannot send the body: the client reads slower than the floor");
  }
  co_return Status{};
}

Task<void> HttpFileSender::send_bytes(ByteView bytes) {
  while (!bytes.empty()) {
    if (is_cut_) co_return client_left();
    iovec piece{const_cast<std::byte*>(bytes.data()), bytes.size()};  // NOLINT: sendmsg does not write
    const Step step = transport_.send({&piece, 1}, false);
    if (step.kind == Step::Kind::closed) co_return client_left();
    if (step.kind != Step::Kind::done) {
      LB_CO_CHECK(co_await wait(step.kind));
      continue;
    }
    floor_.count(step.count);
    bytes = bytes.subspan(step.count);
  }
  co_return Status{};
}

Task<void> HttpFileSender::send(const ReadableFile& file, uint64_t offset, uint64_t length) {
  const int descriptor = transport_.is_tls() ? -1 : file.native_handle();
  uint64_t in_turn = 0;
  std::vector<std::byte> copy(descriptor < 0 ? std::min<uint64_t>(kCopyBytes, length) : 0);
  while (length > 0) {
    if (is_cut_) co_return client_left();
    if (in_turn >= 2 * kMiB) {
      co_await transport_.yield();
      in_turn = 0;
    }
    uint64_t count = 0;
    if (descriptor >= 0) {
      const Step step = transport_.send_file(descriptor, offset, length);
      if (step.kind == Step::Kind::want_write) {
        LB_CO_CHECK(co_await wait(step.kind));
        in_turn = 0;
        continue;
      }
      if (step.kind == Step::Kind::closed) co_return client_left();
      count = step.count;
      floor_.count(count);
    } else {
      LB_CO_TRY(const std::size_t read,
                file.read_at(offset, std::span(copy).first(std::min<uint64_t>(copy.size(), length))));
      if (read == 0) co_return fail(ErrorCode::corrupt, "cannot send the body: the bytes on disk end early");
      LB_CO_CHECK(co_await send_bytes(std::span(copy).first(read)));
      count = read;
    }
    offset += count;
    length -= count;
    in_turn += count;
  }
  co_return Status{};
}

HttpConnectionExchange::HttpConnectionExchange(HttpConnection& connection, const HttpHead& head,
                                               std::string_view head_bytes)
    : connection_(connection), head_(head), request_(own_request(head_bytes)) {
  request_.peer = connection_.transport_->peer();
  request_.is_tls = connection_.transport_->is_tls();
  request_.door = connection_.transport_->door();
  left_ = head_.content_length.value_or(0);
  if (head_.is_chunked) chunks_ = std::make_unique<ChunkedBody>(head_bytes);
  waits_for_continue_ = head_.expects_continue && !is_body_read();
  std::array<char, 24> id{};
  const auto number = connection_.serving_.next_request.fetch_add(1, std::memory_order_relaxed);
  const auto now = connection_.serving_.clock.wall().time_since_epoch().count();
  const int length =
      std::snprintf(id.data(), id.size(), "%08llx%06llx", static_cast<unsigned long long>(now) & 0xffffffffU,
                    static_cast<unsigned long long>(number) & 0xffffffU);
  request_id_.assign(id.data(), static_cast<std::size_t>(length));
}

std::optional<uint64_t> HttpConnectionExchange::body_length() const {
  if (head_.is_chunked) return std::nullopt;
  return head_.content_length.value_or(0);
}

bool HttpConnectionExchange::is_body_read() const { return chunks_ ? chunks_->is_done() : left_ == 0; }

Task<void> HttpConnectionExchange::continue_if_asked() {
  if (!waits_for_continue_) co_return Status{};
  waits_for_continue_ = false;
  const bool is_sent = co_await connection_.send_all("HTTP/1.1 100 Continue\r\n\r\n", "", false);
  if (!is_sent) co_return client_left();
  co_return Status{};
}

/// At least one byte of what the connection brings, first of what was received with the head.
Task<std::size_t> HttpConnectionExchange::receive_some(ByteSpan into) {
  std::string& pending = connection_.pending_;
  if (!pending.empty()) {
    const std::size_t count = std::min(pending.size(), into.size());
    std::memcpy(into.data(), pending.data(), count);
    pending.erase(0, count);
    co_return count;
  }
  if (!receive_floor_) receive_floor_ = connection_.rate_floor();
  for (;;) {
    if (connection_.is_cut_) co_return client_left();
    const Step step = connection_.transport_->receive(into);
    if (step.kind == Step::Kind::done) {
      receive_floor_->count(step.count);
      co_return step.count;
    }
    if (step.kind == Step::Kind::closed) co_return client_left();
    const bool is_ready = co_await connection_.transport_->wait(step.kind, receive_floor_->deadline());
    if (is_ready) continue;
    if (!receive_floor_->renew(connection_.serving_.clock.now())) {
      co_return fail(ErrorCode::timed_out, "cannot read the body: it came slower than the floor");
    }
  }
}

Task<void> HttpConnectionExchange::fill_counted(Block& block) {
  while (left_ > 0 && !block.is_full()) {
    const ByteSpan space = block.free_space();
    LB_CO_TRY(const std::size_t count,
              co_await receive_some(space.first(static_cast<std::size_t>(std::min<uint64_t>(space.size(), left_)))));
    block.grow(count);
    left_ -= count;
  }
  co_return Status{};
}

Task<void> HttpConnectionExchange::fill_chunked(Block& block) {
  std::vector<std::byte> received;
  while (!chunks_->is_done() && !block.is_full()) {
    if (!raw_.empty()) {
      // What is decoded is never longer than what it is decoded from, so the block has room.
      const std::string_view raw = std::string_view(raw_).substr(0, block.free_space().size());
      const auto used = chunks_->decode(raw, block);
      if (!used) {
        is_broken_ = true;
        co_return fail(ErrorCode::invalid, "cannot read the body: broken chunked encoding");
      }
      raw_.erase(0, *used);
      if (*used > 0) continue;
      if (raw.size() < raw_.size()) co_return Status{};  // a chunk's head does not fit: the next block has the room
      if (raw_.size() >= kRawChunkBytes) {
        is_broken_ = true;
        co_return fail(ErrorCode::invalid, "cannot read the body: a chunk's head or the trailers are too long");
      }
    }
    received.resize(kRawChunkBytes);
    LB_CO_TRY(const std::size_t count, co_await receive_some(received));
    raw_.append(lifeboat::as_text(std::span(received).first(count)));
  }
  if (chunks_->is_done() && !raw_.empty()) {  // the next request, pipelined
    connection_.pending_.insert(0, raw_);
    raw_.clear();
  }
  co_return Status{};
}

Task<Block> HttpConnectionExchange::read_block() {
  if (is_body_read()) co_return Block();
  if (is_broken_) co_return client_left();
  LB_CO_CHECK(co_await continue_if_asked());
  Block block = connection_.serving_.blocks.take();
  Status filled;
  if (chunks_) {
    filled = co_await fill_chunked(block);
  } else {
    filled = co_await fill_counted(block);
  }
  received_ += block.size();
  if (!filled) {
    is_broken_ = true;
    if (block.size() == 0) co_return std::unexpected(filled.error());
  }
  co_return std::move(block);  // after a failure: what arrived before it is kept, the next call tells (W43)
}

Task<std::optional<std::string>> HttpConnectionExchange::read_all(std::size_t max_bytes) {
  if (head_.content_length.value_or(0) > max_bytes) co_return std::nullopt;
  std::string body;
  for (;;) {
    LB_CO_TRY(const Block block, co_await read_block());
    if (block.size() == 0) break;
    if (body.size() + block.size() > max_bytes) co_return std::nullopt;
    body.append(lifeboat::as_text(block.bytes()));
  }
  co_return body;
}

void HttpConnectionExchange::decide_to_close() {
  const bool has_long_rest = !is_body_read() && (chunks_ || left_ > kDropMaxBytes);
  const bool will_not_come = waits_for_continue_;  // the client may or may not send the body now: nobody can tell
  if (!head_.keeps_alive || connection_.serving_.is_stopping || is_broken_ || has_long_rest || will_not_come) {
    connection_.closes_ = true;
  }
}

std::string HttpConnectionExchange::head_with_ending(const HttpResponse& head, std::optional<uint64_t> length) {
  LB_ASSERT(status_ == 0);
  status_ = head.status;
  if (!length && head_.is_http_1_0) connection_.closes_ = true;
  decide_to_close();
  std::string text = render_head(head, length, connection_.loop_.date_line(connection_.serving_.clock.wall()));
  if (!length && !head_.is_http_1_0) {
    text.append("Transfer-Encoding: chunked\r\n");
    is_chunked_answer_ = true;
  }
  text.append("X-Request-Id: ").append(request_id_).append("\r\n");
  if (connection_.closes_) {
    text.append("Connection: close\r\n");
  } else if (head_.is_http_1_0) {
    text.append("Connection: keep-alive\r\n");
  }
  text.append("\r\n");
  return text;
}

Awaitable<void> HttpConnectionExchange::respond(HttpResponse response) {
  const std::string head = head_with_ending(response, response.body.size());
  const bool has_body = !head_.view.is_head && response.status != 204 && response.status != 304;
  const std::string_view body = has_body ? std::string_view(response.body) : std::string_view();
  answer_left_ = 0;
  const bool is_sent = co_await connection_.send_all(head, body, false);
  if (is_sent) {
    sent_ += body.size();
  } else {
    connection_.closes_ = true;
  }
}

Awaitable<void> HttpConnectionExchange::respond_prepared(PreparedHit hit) {
  status_ = hit.is_not_modified ? 304 : 200;
  answer_left_ = 0;
  decide_to_close();
  if (!connection_.send_prepared(head_, hit)) {
    const bool is_sent = co_await connection_.send_unsent();
    if (!is_sent) connection_.closes_ = true;
  }
  if (!hit.is_not_modified && !head_.view.is_head) sent_ += hit.answer->size_bytes;
}

Task<void> HttpConnectionExchange::begin(HttpResponse head, std::optional<uint64_t> length) {
  const std::string text = head_with_ending(head, length);
  answer_left_ = length;
  sender_.emplace(*connection_.transport_, connection_.serving_.clock, connection_.rate_floor(), connection_.is_cut_);
  const bool has_more = !head_.view.is_head && length.value_or(1) > 0;
  const bool is_sent = co_await connection_.send_all(text, "", has_more);
  if (!is_sent) {
    connection_.closes_ = true;
    co_return client_left();
  }
  if (head_.view.is_head) answer_left_ = 0;
  co_return Status{};
}

Task<void> HttpConnectionExchange::send(ByteView bytes) {
  LB_ASSERT(sender_.has_value());
  if (head_.view.is_head || bytes.empty()) co_return Status{};
  if (connection_.is_cut_) co_return client_left();
  if (is_chunked_answer_) {
    std::array<char, 24> size{};
    const int length = std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
    LB_CO_CHECK(co_await sender_->send_bytes(std::as_bytes(std::span(size.data(), static_cast<std::size_t>(length)))));
  }
  LB_CO_CHECK(co_await sender_->send_bytes(bytes));
  if (is_chunked_answer_) LB_CO_CHECK(co_await sender_->send_bytes(as_bytes("\r\n")));
  sent_ += bytes.size();
  if (answer_left_) {
    LB_ASSERT(*answer_left_ >= bytes.size());
    *answer_left_ -= bytes.size();
  }
  co_return Status{};
}

Task<void> HttpConnectionExchange::send_file(const ReadableFile& file, uint64_t offset, uint64_t length) {
  LB_ASSERT(sender_.has_value());
  if (head_.view.is_head || length == 0) co_return Status{};
  if (connection_.is_cut_) co_return client_left();
  if (is_chunked_answer_) {
    std::array<char, 24> size{};
    const int count = std::snprintf(size.data(), size.size(), "%llx\r\n", static_cast<unsigned long long>(length));
    LB_CO_CHECK(co_await sender_->send_bytes(std::as_bytes(std::span(size.data(), static_cast<std::size_t>(count)))));
  }
  LB_CO_CHECK(co_await sender_->send(file, offset, length));
  if (is_chunked_answer_) LB_CO_CHECK(co_await sender_->send_bytes(as_bytes("\r\n")));
  sent_ += length;
  if (answer_left_) {
    LB_ASSERT(*answer_left_ >= length);
    *answer_left_ -= length;
  }
  co_return Status{};
}

Task<void> HttpConnectionExchange::end() {
  if (is_chunked_answer_ && !head_.view.is_head) LB_CO_CHECK(co_await sender_->send_bytes(as_bytes("0\r\n\r\n")));
  answer_left_ = 0;
  co_return Status{};
}

Awaitable<void> HttpConnectionExchange::finish() {
  LB_ASSERT(status_ != 0 || is_broken_ || connection_.is_cut_);
  if (status_ == 0 || is_broken_ || answer_left_ != 0) connection_.closes_ = true;
  if (status_ != 0 && !answer_left_ && !is_chunked_answer_) {  // to HTTP/1.0, a FIN would say that this was all
    connection_.transport_->reset_at_close();
    connection_.cut();
  }
  while (!connection_.closes_ && !is_body_read()) {
    const auto block = co_await read_block();
    if (!block) connection_.closes_ = true;
  }
}

}  // namespace lifeboat::sys
