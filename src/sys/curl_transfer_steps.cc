// How far a request has come, and until when each step of it may take.

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "sys/curl_transfer.h"

namespace lifeboat::sys {
namespace {

/// How often libcurl is made to look whether an address has had its time: its own timer for that can go off a moment
/// before the time is over, and then not again (seen with 7.88).
constexpr std::chrono::milliseconds kAddressCheck{25};

NetworkStep network_step_of(TransferStep step) {
  switch (step) {
    case TransferStep::queued:
    case TransferStep::waiting: return NetworkStep::none;
    case TransferStep::resolve: return NetworkStep::resolve;
    case TransferStep::connect: return NetworkStep::connect;
    case TransferStep::tls: return NetworkStep::tls;
    case TransferStep::sending:
    case TransferStep::first_byte:
    case TransferStep::head: return NetworkStep::first_byte;
    case TransferStep::body:
    case TransferStep::ended: return NetworkStep::body;
  }
  return NetworkStep::none;
}

}  // namespace

std::string_view to_string(TransferStep step) {
  switch (step) {
    case TransferStep::queued: return "start";
    case TransferStep::waiting: return "waiting for other downloads from there to end";
    case TransferStep::resolve: return "resolve";
    case TransferStep::connect: return "connect";
    case TransferStep::tls: return "TLS";
    case TransferStep::sending: return "sending";
    case TransferStep::first_byte: return "first byte";
    case TransferStep::head: return "head";
    case TransferStep::body: return "body";
    case TransferStep::ended: return "ended";
  }
  return "ended";
}

Error CurlTransfer::failure(ErrorCode code, TransferStep step, std::string_view reason) const {
  std::string text("cannot ask host '");
  text.append(host_).append("': ").append(to_string(step)).append(": ").append(reason);
  const NetworkStep how_far = network_step_of(step);
  const bool is_elsewhere = is_redirected_.load(std::memory_order_relaxed) && how_far != NetworkStep::body;
  return Error(code, std::move(text)).at(is_elsewhere ? NetworkStep::redirect : how_far);
}

void CurlTransfer::enter(TransferStep step) {
  step_.store(step, std::memory_order_relaxed);
  step_began_ = last_byte_ = std::chrono::steady_clock::now();
}

int CurlTransfer::on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  static_cast<CurlTransfer*>(self)->note_progress();
  return 0;
}

/// libcurl calls this to let the TLS context be changed: the connection stands, the handshake is next.
CURLcode CurlTransfer::on_tls(CURL*, void*, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  transfer.enter(TransferStep::tls);
  transfer.bound_connecting(transfer.request_.deadlines.tls);
  return CURLE_OK;
}

void CurlTransfer::begin_attempt(Duration connect_within) {
  enter(TransferStep::resolve);
  connect_within_ = connect_within;
  attempt_began_ = step_began_;
  looked_up_before_us_ = looked_up_us();
  bound_connecting(request_.deadlines.resolve + connect_within_ + request_.deadlines.tls);
}

/// libcurl has one bound for all until the request; it is moved along with the steps. What is left of it when the
/// lookup has ended it divides among the addresses of the host, so that one dead address does not use it all up.
void CurlTransfer::bound_connecting(Duration allowed) {
  const auto used = std::chrono::ceil<Duration>(step_began_ - attempt_began_);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>((used + allowed).count()));  // NOLINT(google-runtime-int)
}

/// Grows when a name was looked up.
curl_off_t CurlTransfer::looked_up_us() const {
  curl_off_t microseconds = 0;
  curl_->easy_getinfo(easy_, CURLINFO_NAMELOOKUP_TIME_T, &microseconds);
  return microseconds;
}

/// libcurl calls nobody when a lookup has succeeded, but it reports progress before it begins to connect.
void CurlTransfer::note_progress() {
  if (step() != TransferStep::resolve || looked_up_us() <= looked_up_before_us_) return;
  enter(TransferStep::connect);
  bound_connecting(connect_within_);
}

/// For the step it is in.
Duration CurlTransfer::allowed() const {
  switch (step()) {
    case TransferStep::resolve: return request_.deadlines.resolve;
    case TransferStep::connect: return connect_within_;
    case TransferStep::tls: return request_.deadlines.tls;
    case TransferStep::first_byte: return request_.deadlines.first_byte;
    case TransferStep::sending:
    case TransferStep::head:
    case TransferStep::body: return request_.deadlines.stall;
    case TransferStep::queued:
    case TransferStep::waiting:
    case TransferStep::ended: break;
  }
  return Duration::max();
}

void CurlTransfer::resume() {
  last_byte_ = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(mu_);
    is_paused_ = is_resume_ordered_ = false;
  }
  curl_->easy_pause(easy_, CURLPAUSE_CONT);
}

bool CurlTransfer::look_after(SteadyTime now) {
  give_up_on_silence(now);
  note_progress();
  const auto is_late = [&](SteadyTime since, Duration allowed) { return now >= since + allowed; };
  const auto late = [&] {
    fail_with(failure(ErrorCode::timed_out, step(), "nothing within " + std::to_string(allowed().count()) + " ms"));
    return false;
  };
  switch (step()) {
    case TransferStep::queued:
    case TransferStep::waiting:
    case TransferStep::ended: return true;
    case TransferStep::resolve:
    case TransferStep::connect:
    case TransferStep::tls:
    case TransferStep::first_byte: return !is_late(step_began_, allowed()) || late();
    case TransferStep::sending: return is_awaiting_piece() || !is_late(last_byte_, allowed()) || late();
    case TransferStep::head: return !is_late(last_byte_, allowed()) || late();
    case TransferStep::body: break;
  }
  bool is_handed_out = false;
  {
    const std::lock_guard lock(mu_);
    if (is_paused_) return true;
    if (filling_.size() > 0 && ready_.empty() && is_late(last_byte_, kPartialBlockDelay)) {
      ready_.push_back(std::exchange(filling_, Block()));
      is_handed_out = true;
    }
  }
  if (is_handed_out) changed_.notify_all();
  return !is_late(last_byte_, allowed()) || late();
}

SteadyTime CurlTransfer::next_look() const {
  switch (step()) {
    case TransferStep::queued:
    case TransferStep::waiting:
    case TransferStep::ended: return SteadyTime::max();
    case TransferStep::connect:
      return std::min(step_began_ + allowed(), std::chrono::steady_clock::now() + kAddressCheck);
    case TransferStep::resolve:
    case TransferStep::tls: return step_began_ + allowed();
    case TransferStep::first_byte: return step_began_ + (watched_ ? std::min(allowed(), silence_allowed()) : allowed());
    case TransferStep::sending: return is_awaiting_piece() ? SteadyTime::max() : last_byte_ + allowed();
    case TransferStep::head: return last_byte_ + allowed();
    case TransferStep::body: break;
  }
  const std::lock_guard lock(mu_);
  if (is_paused_) return SteadyTime::max();
  if (filling_.size() > 0 && ready_.empty()) return last_byte_ + kPartialBlockDelay;
  return last_byte_ + allowed();
}

void CurlTransfer::watch_kept_connection(ConnectionName connection) {
  long connections_made = 0;  // NOLINT(google-runtime-int): libcurl's type
  const bool is_kept =
      curl_->easy_getinfo(easy_, CURLINFO_NUM_CONNECTS, &connections_made) == CURLE_OK && connections_made == 0;
  watched_ = is_kept ? std::optional(std::move(connection)) : std::nullopt;
}

void CurlTransfer::give_up_on_silence(SteadyTime now) {
  if (step() != TransferStep::first_byte || !watched_ || now < step_began_ + silence_allowed()) return;
  const ConnectionName watched = *std::exchange(watched_, std::nullopt);
  const std::optional<int> socket = socket_of(watched);
  if (!socket || !is_silent_for(*socket, silence_allowed())) return;
  ::shutdown(*socket, SHUT_RDWR);
  set(CURLOPT_FRESH_CONNECT, 1L);  // others that were kept lead to the same machine
  const auto used = std::chrono::ceil<Duration>(now - step_began_);
  begin_attempt(std::max(request_.deadlines.connect - used, Duration(1)));
}

}  // namespace lifeboat::sys
