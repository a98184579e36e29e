// The body of a request on its way from whoever gives it to libcurl.

#include <algorithm>
#include <cstring>
#include <utility>

#include "sys/curl_transfer.h"

namespace lifeboat::sys {

CurlTransfer::Offered CurlTransfer::offer(SharedBytes& piece, bool& is_awaited) {
  const std::lock_guard lock(mu_);
  is_awaited = false;
  if (has_ended_) return Offered::over;
  if (piece.bytes.empty()) return Offered::taken;
  if (outgoing_.size() >= kPiecesWaitingMax) return Offered::full;
  outgoing_.push_back(std::move(piece));
  is_awaited = std::exchange(is_awaiting_piece_, false);
  return Offered::taken;
}

bool CurlTransfer::is_awaiting_piece() const {
  const std::lock_guard lock(mu_);
  return is_awaiting_piece_;
}

std::size_t CurlTransfer::on_send(char* room, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  if (transfer.is_cancelled()) return CURL_READFUNC_ABORT;
  return transfer.send_into(std::as_writable_bytes(std::span(room, size * count)));
}

std::size_t CurlTransfer::send_into(ByteSpan room) {
  std::size_t filled = 0;
  bool is_piece_gone = false;
  {
    const std::lock_guard lock(mu_);
    while (filled < room.size() && !outgoing_.empty()) {
      const ByteView left = outgoing_.front().bytes.subspan(sent_of_front_);
      const std::size_t taken = std::min(left.size(), room.size() - filled);
      std::memcpy(room.data() + filled, left.data(), taken);
      filled += taken;
      sent_of_front_ += taken;
      if (taken < left.size()) break;
      outgoing_.pop_front();
      sent_of_front_ = 0;
      is_piece_gone = true;
    }
    is_awaiting_piece_ = filled == 0 && unsent_ > 0;
  }
  if (is_piece_gone) changed_.notify_all();
  if (filled == 0) return unsent_ > 0 ? std::size_t{CURL_READFUNC_PAUSE} : 0;
  unsent_ -= std::min<uint64_t>(unsent_, filled);
  last_byte_ = std::chrono::steady_clock::now();
  if (unsent_ == 0 && step() == TransferStep::sending) enter(TransferStep::first_byte);
  return filled;
}

}  // namespace lifeboat::sys
