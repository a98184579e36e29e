#include "sys/curl_transfer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace lifeboat::sys {
namespace {

bool has_line_break(std::string_view text) { return text.find_first_of(std::string_view("\r\n\0", 3)) != text.npos; }

bool is_https(std::string_view url) { return url.starts_with("https://"); }

/// "host:port" of a URL, without credentials.
std::string authority_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  std::string_view rest = scheme == url.npos ? url : url.substr(scheme + 3);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  if (const std::size_t at = rest.rfind('@'); at != rest.npos) rest.remove_prefix(at + 1);
  return std::string(rest);
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && std::string_view(" \t\r\n").contains(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<uint64_t> parse_length(std::string_view text) {
  if (text.empty() || text.size() > 18) return std::nullopt;
  uint64_t value = 0;
  for (const char letter : text) {
    if (letter < '0' || letter > '9') return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(letter - '0');
  }
  return value;
}

}  // namespace

Status CurlTransfer::check(const HttpClientRequest& request) {
  if (!request.url.starts_with("http://") && !request.url.starts_with("https://")) {
    return fail(ErrorCode::invalid,
                "cannot ask host '" + authority_of(request.url) + "': neither http:// nor https://");
  }
  const bool is_clean = !has_line_break(request.url) && std::ranges::none_of(request.fields.all(), [](const auto& f) {
    return has_line_break(f.first) || has_line_break(f.second) || f.first.empty() || f.first.contains(':');
  });
  if (!is_clean || request.method == HttpMethod::other) {
    return fail(ErrorCode::invalid, "cannot ask host '" + authority_of(request.url) + "': the request is malformed");
  }
  return {};
}

CurlTransfer::CurlTransfer(HttpClientRequest request, Mode mode, BlockPool& blocks, std::string user_agent)
    : request_(std::move(request)),
      mode_(mode),
      blocks_(blocks),
      user_agent_(std::move(user_agent)),
      host_(authority_of(request_.url)),
      origin_((is_https(request_.url) ? "https://" : "http://") + host_) {}

CurlTransfer::CurlTransfer(HttpClientRequest request, uint64_t body_bytes, BlockPool& blocks, std::string user_agent)
    : request_(std::move(request)),
      mode_(Mode::buffered),
      upload_bytes_(body_bytes),
      blocks_(blocks),
      user_agent_(std::move(user_agent)),
      host_(authority_of(request_.url)),
      origin_((is_https(request_.url) ? "https://" : "http://") + host_),
      unsent_(body_bytes) {}

CurlTransfer::~CurlTransfer() {
  if (easy_ != nullptr) curl_->easy_cleanup(easy_);
  if (fields_ != nullptr) curl_->slist_free_all(fields_);
}

std::optional<Result<HttpClientResponse>> CurlTransfer::take_response() {
  const std::lock_guard lock(mu_);
  return std::exchange(response_, std::nullopt);
}

std::optional<uint64_t> CurlTransfer::length() const {
  const std::lock_guard lock(mu_);
  return length_;
}

std::optional<Result<Block>> CurlTransfer::take_block(bool& is_room_made) {
  const std::lock_guard lock(mu_);
  is_room_made = false;
  if (!ready_.empty()) {
    Block block = std::move(ready_.front());
    ready_.pop_front();
    is_room_made = is_paused_ && !std::exchange(is_resume_ordered_, true);
    return block;
  }
  if (failure_) return std::unexpected(*failure_);
  if (has_ended_) return Block();
  return std::nullopt;
}

bool CurlTransfer::reject(ErrorCode code, std::string_view reason) {
  if (!rejected_) rejected_ = failure(code, step(), reason);
  return false;
}

// ---- what libcurl calls ----

int CurlTransfer::on_request(void* self, char* peer, char* own, int peer_port, int own_port) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  if (transfer.upload_bytes_) {
    transfer.enter(TransferStep::sending);  // what was given cannot be sent again: silence ends it
    return CURL_PREREQFUNC_OK;
  }
  transfer.enter(TransferStep::first_byte);
  transfer.watch_kept_connection({own, own_port, peer, peer_port});
  return CURL_PREREQFUNC_OK;
}

std::size_t CurlTransfer::on_header(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  const std::size_t total = size * count;
  return !transfer.is_cancelled() && transfer.take_header_line({bytes, total}) ? total : total + 1;
}

std::size_t CurlTransfer::on_body(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  const std::size_t total = size * count;
  return transfer.is_cancelled() ? total + 1 : transfer.take_body(as_bytes({bytes, total}));
}

bool CurlTransfer::take_header_line(std::string_view line) {
  last_byte_ = std::chrono::steady_clock::now();
  if (line.starts_with("HTTP/")) {
    enter(TransferStep::head);
    head_ = {};
    head_bytes_ = 0;
    announced_.reset();
    const std::size_t space = line.find(' ');
    if (space != line.npos) {
      head_.status = static_cast<int>(parse_length(trimmed(line).substr(space + 1, 3)).value_or(0));
    }
  }
  head_bytes_ += line.size();
  if (head_bytes_ > kResponseHeadMaxBytes) return reject(ErrorCode::corrupt, "the header is longer than 64 KiB");
  if (line == "\r\n" || line == "\n") return step() != TransferStep::head || end_head();
  const std::size_t colon = line.find(':');
  // Behind the body come trailers, which nobody asked for.
  if (colon == line.npos || step() != TransferStep::head) return true;
  head_.fields.add(trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
  return true;
}

bool CurlTransfer::is_redirect_followed() const {
  const bool may_follow =
      request_.redirects_max > 0 && (request_.method == HttpMethod::get || request_.method == HttpMethod::head);
  const auto location = head_.fields.find("Location");
  return may_follow && head_.status >= 300 && head_.status < 400 && location && !location->empty();
}

bool CurlTransfer::end_head() {
  if (head_.status < 200) return true;
  if (is_redirect_followed()) {
    is_redirected_.store(true, std::memory_order_relaxed);
    begin_attempt(request_.deadlines.connect);
    return true;
  }
  const bool has_body = request_.method != HttpMethod::head && head_.status != 204 && head_.status != 304;
  if (has_body && !head_.fields.find("Transfer-Encoding")) {
    for (const auto& [name, value] : head_.fields.all()) {
      if (!equals_ignoring_case(name, "Content-Length")) continue;
      const auto length = parse_length(value);
      if (!length || (announced_ && *announced_ != *length)) {
        return reject(ErrorCode::corrupt, "a malformed or contradictory Content-Length");
      }
      announced_ = length;
    }
  }
  if (mode_ == Mode::buffered && announced_.value_or(0) > request_.body_max_bytes) {
    return reject(ErrorCode::corrupt, "the body is too long (got " + std::to_string(*announced_) +
                                          " bytes, want at most " + std::to_string(request_.body_max_bytes) + ")");
  }
  const char* url = nullptr;
  if (curl_->easy_getinfo(easy_, CURLINFO_EFFECTIVE_URL, &url) == CURLE_OK && url != nullptr) {
    head_.effective_url.assign(url, std::strcspn(url, "?#"));
  }
  enter(TransferStep::body);
  if (mode_ == Mode::streamed) publish_head();
  return true;
}

void CurlTransfer::publish_head() {
  {
    const std::lock_guard lock(mu_);
    length_ = announced_;
    response_ = std::move(head_);
    is_response_given_ = true;
  }
  changed_.notify_all();
}

std::size_t CurlTransfer::take_body(ByteView bytes) {
  const std::size_t refused = bytes.size() + 1;
  last_byte_ = std::chrono::steady_clock::now();
  if (announced_ && received_ + bytes.size() > *announced_) {
    (void)reject(ErrorCode::corrupt,
                 "the body is longer than announced (want " + std::to_string(*announced_) + " bytes)");
    return refused;
  }
  if (mode_ == Mode::buffered) {
    if (received_ + bytes.size() > request_.body_max_bytes) {
      (void)reject(ErrorCode::corrupt,
                   "the body is too long (want at most " + std::to_string(request_.body_max_bytes) + " bytes)");
      return refused;
    }
    received_ += bytes.size();
    head_.body.append(as_text(bytes));
    return bytes.size();
  }

  const std::size_t room = filling_ ? filling_.free_space().size() : Block::kCapacity;
  bool is_block_full = false;
  if (bytes.size() >= room) {
    // All or nothing: libcurl keeps what a paused callback did not take.
    const std::lock_guard lock(mu_);
    if (ready_.size() >= kBlocksReadyMax) {
      is_paused_ = true;
      is_resume_ordered_ = false;
      return CURL_WRITEFUNC_PAUSE;
    }
  }
  received_ += bytes.size();
  const std::size_t taken = bytes.size();
  while (!bytes.empty()) {
    if (!filling_) filling_ = blocks_.take();
    const std::size_t count = std::min(bytes.size(), filling_.free_space().size());
    std::memcpy(filling_.free_space().data(), bytes.data(), count);
    filling_.grow(count);
    bytes = bytes.subspan(count);
    const bool is_first = !is_first_block_given_ && bytes.empty() && filling_.size() >= kFirstBlockBytes;
    if (filling_.is_full() || is_first) {
      const std::lock_guard lock(mu_);
      ready_.push_back(std::exchange(filling_, Block()));
      is_block_full = is_first_block_given_ = true;
    }
  }
  if (is_block_full) changed_.notify_all();
  return taken;
}

// ---- the client's thread ----

void CurlTransfer::finish(CURLcode code) {
  if (rejected_) return fail_with(*rejected_);
  if (code != CURLE_OK) return fail_with(error_of(code));
  if (announced_ && received_ != *announced_) {
    return fail_with(failure(ErrorCode::corrupt, step(),
                             "the body is shorter than announced (got " + std::to_string(received_) + " bytes, want " +
                                 std::to_string(*announced_) + ")"));
  }
  if (head_.status == 0 && step() != TransferStep::body) {
    return fail_with(failure(ErrorCode::unavailable, step(), "no HTTP answer"));
  }
  step_.store(TransferStep::ended, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mu_);
    if (mode_ == Mode::buffered) {
      response_ = std::move(head_);
      is_response_given_ = true;
    }
    if (filling_.size() > 0) ready_.push_back(std::exchange(filling_, Block()));
    outgoing_.clear();
    has_ended_ = true;
  }
  changed_.notify_all();
}

void CurlTransfer::fail_with(Error error) {
  const NetworkStep failed_at = error.step();
  has_failed_to_connect_ =
      failed_at == NetworkStep::resolve || failed_at == NetworkStep::connect || failed_at == NetworkStep::tls;
  step_.store(TransferStep::ended, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mu_);
    if (has_ended_) return;
    has_ended_ = true;
    outgoing_.clear();
    // What came before a failure is given first: the reader's offset is then exact.
    if (filling_.size() > 0) ready_.push_back(std::exchange(filling_, Block()));
    if (!is_response_given_) {
      response_ = std::unexpected(error);
      is_response_given_ = true;
    }
    failure_ = std::move(error);
  }
  changed_.notify_all();
}

}  // namespace lifeboat::sys
