#include <algorithm>
#include <array>
#include <cstring>

#include "base/assert.h"
#include "sys/http_connection_native.h"
#include "sys/http_exchange_native.h"

namespace lifeboat::sys {
namespace {

constexpr std::size_t kLingerMaxBytes = 8 * kMiB;
constexpr Duration kLingerMax{2000};

std::string_view as_text(std::span<const std::byte> bytes, std::size_t count) {
  return lifeboat::as_text(bytes.first(count));
}

iovec piece_of(std::string_view text) {
  return {const_cast<char*>(text.data()), text.size()};  // NOLINT: sendmsg does not write
}

}  // namespace

std::string_view HttpLoop::date_line(WallTime now) {
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  if (second != date_second_ || date_line_.empty()) {
    date_second_ = second;
    date_line_ = "Date: " + to_http_date(now) + "\r\n";
  }
  return date_line_;
}

HttpConnection::HttpConnection(HttpServing& serving, HttpLoop& loop, std::unique_ptr<HttpTransport> transport)
    : serving_(serving), loop_(loop), transport_(std::move(transport)) {
  loop_.connections.insert(this);
}

HttpConnection::~HttpConnection() { loop_.connections.erase(this); }

void HttpConnection::close_if_idle() {
  if (is_idle_) transport_->interrupt();
}

void HttpConnection::cut() {
  is_cut_ = true;
  transport_->interrupt();
}

RateFloor HttpConnection::rate_floor() const {
  return {serving_.options.body_rate_min_bytes, serving_.options.body_rate_window, serving_.clock.now()};
}

Awaitable<void> HttpConnection::run() {
  const bool is_secure = co_await handshake();
  if (!is_secure) co_return;
  while (!closes_ && !is_cut_) {
    const Next next = co_await next_request();
    if (next == Next::close) break;
    co_await exchange();
  }
  if (!is_cut_) co_await linger();
}

Awaitable<bool> HttpConnection::handshake() {
  const SteadyTime deadline = serving_.clock.now() + serving_.options.header_timeout;
  for (;;) {
    const Step step = transport_->handshake();
    if (step.kind == Step::Kind::done) co_return true;
    if (step.kind == Step::Kind::closed) co_return false;
    const bool is_ready = co_await transport_->wait(step.kind, deadline);
    if (!is_ready) co_return false;
  }
}

/// Receives until a request is there that no prepared answer serves; all others are answered on the way.
Awaitable<HttpConnection::Next> HttpConnection::next_request() {
  SteadyTime head_deadline = SteadyTime::max();
  std::size_t looked = 0;
  bool is_drained = pending_.empty();  // pipelined bytes are looked at before more is received
  for (;;) {
    if (serving_.is_stopping && pending_.empty()) co_return Next::close;
    std::span<std::byte> scratch(loop_.scratch);
    std::size_t have = pending_.size();
    LB_ASSERT(have < scratch.size());
    std::memcpy(scratch.data(), pending_.data(), have);
    Step step{Step::Kind::want_read, 0};
    if (is_drained) {
      step = transport_->receive(scratch.subspan(have));
      if (step.kind == Step::Kind::closed) co_return Next::close;
      have += step.count;
    }
    is_drained = true;
    const bool is_full = have == scratch.size();
    std::string_view bytes = as_text(scratch, have);
    std::size_t done = 0;
    if (find_head_end(bytes, looked) != 0) {
      done = answer_prepared(bytes);
      bytes.remove_prefix(done);
      if (closes_ && !unsent_) co_return Next::close;
    }
    pending_.assign(bytes);
    looked = pending_.size();
    if (unsent_) {
      const bool is_sent = co_await send_unsent();
      if (!is_sent || closes_) co_return Next::close;
      is_drained = false;
      looked = 0;
      continue;
    }
    if (head_size_ != 0) co_return Next::request;
    if (const int status = unacceptable(pending_); status != 0) {
      co_await refuse(status, "the request's head is not acceptable");
      co_return Next::close;
    }
    if (step.count > 0 && (is_full || transport_->is_tls())) continue;  // there may be more at hand
    if (pending_.empty()) {
      pending_.shrink_to_fit();
      head_deadline = SteadyTime::max();
    } else if (head_deadline == SteadyTime::max()) {
      head_deadline = serving_.clock.now() + serving_.options.header_timeout;
    }
    is_idle_ = pending_.empty();
    const SteadyTime deadline = is_idle_ ? serving_.clock.now() + serving_.options.idle_timeout : head_deadline;
    const bool is_ready =
        co_await transport_->wait(step.kind == Step::Kind::done ? Step::Kind::want_read : step.kind, deadline);
    is_idle_ = false;
    if (!is_ready) {
      if (!pending_.empty() && !is_cut_) co_await refuse(408, "the request's head did not come in time");
      co_return Next::close;
    }
  }
}

int HttpConnection::unacceptable(std::string_view partial) const {
  if (partial.empty()) return 0;
  const char first = partial.front();
  // A TLS hello, or garbage: say so at once instead of waiting for a line's end (W2).
  if (!(first >= 'A' && first <= 'Z') && first != '\r' && first != '\n') return 400;
  const std::size_t line_end = partial.find("\r\n");
  if (std::min(line_end, partial.size()) > serving_.options.target_max_bytes + 32) return 414;
  if (partial.size() > serving_.options.header_max_bytes) return 431;
  return 0;
}

std::size_t HttpConnection::answer_prepared(std::string_view bytes) {
  std::size_t done = 0;
  head_size_ = 0;
  while (done < bytes.size()) {
    const std::string_view rest = bytes.substr(done);
    const std::size_t size = find_head_end(rest, 0);
    if (size == 0) break;
    const std::string_view head_bytes = rest.substr(0, size);
    const auto head = parse_head(head_bytes);
    const bool is_bodiless = head && head->content_length.value_or(0) == 0 && !head->is_chunked;
    const bool is_read = head && (head->method == HttpMethod::get || head->method == HttpMethod::head);
    PreparedHit hit;
    if (is_bodiless && is_read && !head->has_range && size <= serving_.options.header_max_bytes) {
      hit = serving_.handler.prepared(loop_.index, head->view);
    }
    if (!hit.answer) {
      head_size_ = size;
      break;
    }
    done += size;
    if (!head->keeps_alive || serving_.is_stopping) closes_ = true;
    if (!send_prepared(*head, hit) || closes_) break;
  }
  return done;
}

/// True when all of it went out; else what is left is in unsent_.
bool HttpConnection::send_prepared(const HttpHead& head, const PreparedHit& hit) {
  const PreparedAnswer& answer = *hit.answer;
  const bool has_body = !head.view.is_head && !hit.is_not_modified;
  const std::string_view first = hit.is_not_modified ? answer.not_modified_head : answer.head;
  const std::string_view date = loop_.date_line(serving_.clock.wall());
  const std::string_view end = closes_ ? "Connection: close\r\n\r\n" : "\r\n";
  const std::string_view body = has_body ? std::string_view(answer.body) : std::string_view();
  const bool has_file = has_body && answer.file && answer.size_bytes > 0;
  std::array pieces{piece_of(first), piece_of(date), piece_of(end), piece_of(body)};
  const std::size_t total = first.size() + date.size() + end.size() + body.size();
  std::size_t sent = 0;
  if (!transport_->is_tls()) {
    const Step step = transport_->send(pieces, has_file);
    if (step.kind == Step::Kind::closed) {
      closes_ = true;
      return true;
    }
    sent = step.count;
  }
  if (sent == total && !has_file) return true;
  unsent_ = std::make_unique<Unsent>();
  unsent_->hit = hit;
  unsent_->head.append(first).append(date).append(end);
  unsent_->body = body;
  unsent_->offset = sent;
  unsent_->file_left = has_file ? answer.size_bytes : 0;
  return false;
}

Awaitable<bool> HttpConnection::send_unsent() {
  const std::unique_ptr<Unsent> unsent = std::move(unsent_);
  std::string_view head = unsent->head;
  std::string_view body = unsent->body;
  const std::size_t of_head = std::min(unsent->offset, head.size());
  head.remove_prefix(of_head);
  body.remove_prefix(unsent->offset - of_head);
  const bool is_sent = co_await send_all(head, body, unsent->file_left > 0);
  if (!is_sent) co_return false;
  if (unsent->file_left == 0) co_return true;
  HttpFileSender sender(*transport_, serving_.clock, rate_floor(), is_cut_);
  co_return (co_await sender.send(*unsent->hit.answer->file, 0, unsent->file_left)).has_value();
}

Awaitable<bool> HttpConnection::send_all(std::string_view first, std::string_view second, bool has_more) {
  std::array<iovec, 2> pieces{piece_of(first), piece_of(second)};
  RateFloor floor = rate_floor();
  std::span<iovec> todo(pieces);
  if (second.empty()) todo = todo.first(1);
  if (first.empty()) todo = todo.subspan(1);  // a step that sends nothing looks like a closed connection
  while (!todo.empty()) {
    if (is_cut_) co_return false;
    const Step step = transport_->send(todo, has_more);
    if (step.kind == Step::Kind::closed) co_return false;
    if (step.kind != Step::Kind::done) {
      const bool is_ready = co_await transport_->wait(step.kind, floor.deadline());
      if (!is_ready && (is_cut_ || !floor.renew(serving_.clock.now()))) co_return false;
      continue;
    }
    floor.count(step.count);
    std::size_t sent = step.count;
    while (!todo.empty() && sent >= todo.front().iov_len) {
      sent -= todo.front().iov_len;
      todo = todo.subspan(1);
    }
    if (!todo.empty()) {
      todo.front().iov_base = static_cast<char*>(todo.front().iov_base) + sent;
      todo.front().iov_len -= sent;
    }
  }
  co_return true;
}

Awaitable<void> HttpConnection::exchange() {
  const std::size_t size = head_size_;
  head_size_ = 0;
  const std::string head_bytes = pending_.substr(0, size);
  pending_.erase(0, size);
  const auto head = parse_head(head_bytes);
  if (!head || size > serving_.options.header_max_bytes ||
      head->view.target.size() > serving_.options.target_max_bytes) {
    const int status = !head ? 400 : size > serving_.options.header_max_bytes ? 431 : 414;
    co_await refuse(status, "the request's head is not acceptable");
    closes_ = true;
    co_return;
  }
  const auto exchange = std::make_unique<HttpConnectionExchange>(*this, *head, head_bytes);
  co_await serving_.handler.handle(*exchange);
  co_await exchange->finish();
}

Awaitable<void> HttpConnection::refuse(int status, std::string_view reason) {
  closes_ = true;
  const HttpResponse response = serving_.handler.refuse(status, reason);
  std::string head = render_head(response, response.body.size(), loop_.date_line(serving_.clock.wall()));
  head.append("Connection: close\r\n\r\n");
  co_await send_all(head, response.body, false);
}

/// Closes so that the client reads our last bytes: FIN, then what it still sends is dropped for a while. Closing with
/// unread bytes would make the kernel send RST, which destroys what the client has not read yet (W5).
Awaitable<void> HttpConnection::linger() {
  transport_->shutdown_send();
  const SteadyTime deadline = serving_.clock.now() + kLingerMax;
  std::size_t dropped = 0;
  while (dropped < kLingerMaxBytes && !is_cut_) {
    const Step step = transport_->receive(loop_.scratch);
    if (step.kind == Step::Kind::closed) co_return;
    if (step.kind == Step::Kind::done) {
      dropped += step.count;
    } else {
      const bool is_ready = co_await transport_->wait(step.kind, deadline);
      if (!is_ready) co_return;
    }
  }
}

}  // namespace lifeboat::sys
