#include "upstream/ranged_stream.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "sys/beside.h"
#include "upstream/failure.h"

namespace lifeboat::upstream {
namespace {

/// The head of a piece that was asked for ahead; the deadlines of its steps are the endpoint's.
constexpr Duration kAheadWithin = std::chrono::seconds(30);
/// The head of the piece that the reader waits for, with the wait for its turn: others hold theirs no longer than a
/// body takes that is a piece or too short to be cut into some.
constexpr Duration kTurnWithin = std::chrono::minutes(5);

/// Whoever reads has begun a body: that the rest is refused, for whatever reason, is a body that broke off.
Error as_cut(Error failure) {
  if (is_outage(failure.code()) || failure.code() == ErrorCode::cancelled) return failure;
  return {ErrorCode::unavailable, "cannot read on: " + failure.message()};
}

}  // namespace

/// Shared by who reads it and who fetches it.
struct RangedStream::Piece {
  Piece(oci::ByteRange bytes, std::shared_ptr<sys::Notification> told) : range(bytes), changed(std::move(told)) {}
  uint64_t end() const { return range.first + range.length; }
  /// What comes slowly comes in small blocks: they share one, or a piece could hold many times its size.
  void keep(sys::Block block) {
    if (blocks.empty() || blocks.back().free_space().size() < block.size()) return blocks.push_back(std::move(block));
    std::ranges::copy(block.bytes(), blocks.back().free_space().begin());
    blocks.back().grow(block.size());
  }

  const oci::ByteRange range;
  const std::shared_ptr<sys::Notification> changed;  ///< all of a stream have one
  bool is_wanted = true;
  bool has_waited = false;               ///< for its turn
  bool is_judged = false;                ///< adapt() has seen what the endpoint said
  bool is_begun = false;                 ///< the endpoint gives what it was asked for
  uint64_t received = 0;                 ///< bytes
  uint64_t read = 0;                     ///< bytes of these
  std::deque<sys::Block> blocks;         ///< what came and was not read
  std::optional<Error> failure;          ///< behind the blocks
  std::unique_ptr<blob::Stream> stream;  ///< once all of it came
};

RangedStream::RangedStream(std::shared_ptr<RegistrySource> source, sys::Clock& clock, RangeOptions options, Blob blob,
                           std::unique_ptr<blob::Stream> plain)
    : source_(std::move(source)),
      clock_(clock),
      options_(options),
      blob_(std::move(blob)),
      plain_(std::move(plain)),
      piece_next_(blob_.from + options_.piece_bytes),
      offset_(blob_.from) {
  LB_ASSERT(options_.requests > 1 && options_.piece_bytes > 0);
}
RangedStream::~RangedStream() { drop_pieces(); }

Task<sys::Block> RangedStream::next() {
  co_await ask_ahead();
  if (plain_ != nullptr) leave_plain();
  if (plain_ == nullptr) co_return co_await next_of_pieces();
  auto block = co_await plain_->next();
  if (block) offset_ += block->size();
  co_return block;
}

void RangedStream::reject() {
  if (plain_ != nullptr) plain_->reject();
  if (last_read_ != nullptr) last_read_->reject();
}

/// What the endpoint said since to what it was asked for ahead.
void RangedStream::adapt() {
  for (const auto& piece : pieces_) {
    const bool is_refused = piece->failure && !piece->is_begun;
    if (piece->is_judged || !(piece->is_begun || is_refused)) continue;
    piece->is_judged = true;
    if (is_refused) {
      if (piece->failure->code() != ErrorCode::too_many) may_ask_more_ = false;
      ahead_max_ = std::max<std::size_t>(1, ahead_max_ - 1);
    } else if (may_ask_more_) {
      ahead_max_ = std::min(options_.requests, ahead_max_ + 1);
    }
  }
}

Awaitable<void> RangedStream::ask_ahead() {
  adapt();
  const bool is_plain = plain_ != nullptr;
  if (is_plain && !may_ask_more_) co_return drop_pieces();
  if (is_plain && pieces_.empty()) piece_next_ = std::max(piece_next_, offset_ + options_.piece_bytes);
  const std::size_t pieces_max = is_plain ? std::min(ahead_max_, options_.requests - 1) : ahead_max_;
  while (pieces_.size() < pieces_max && piece_next_ < blob_.size_bytes) {
    const oci::ByteRange range{piece_next_, std::min(options_.piece_bytes, blob_.size_bytes - piece_next_)};
    pieces_.push_back(std::make_shared<Piece>(range, changed_));
    piece_next_ += range.length;
    co_await start(pieces_.back(), false);
  }
}

Awaitable<void> RangedStream::start(std::shared_ptr<Piece> piece, bool waits_for_turn) {
  piece->has_waited = waits_for_turn;
  const Call call(clock_.now() + (waits_for_turn ? kTurnWithin : kAheadWithin), blob_.request_id);
  RegistrySource::Part part{blob_.repository, blob_.digest, piece->range, waits_for_turn};
  co_await sys::start_beside(fetch(std::move(piece), source_, call, std::move(part), blob_.size_bytes));
}

/// Ends the plain stream where a piece goes on.
void RangedStream::leave_plain() {
  while (!pieces_.empty() && pieces_.front()->end() <= offset_) {
    pieces_.front()->is_wanted = false;
    pieces_.pop_front();
  }
  if (pieces_.empty()) return;
  const Piece& next = *pieces_.front();
  if (next.is_begun && !next.failure && next.range.first <= offset_) plain_.reset();
}

Task<sys::Block> RangedStream::next_of_pieces() {
  for (;;) {
    const uint64_t seen = changed_->version();
    co_await ask_ahead();
    if (pieces_.empty()) co_return sys::Block{};
    const std::shared_ptr<Piece> piece = pieces_.front();
    if (!piece->blocks.empty()) {
      sys::Block block = std::move(piece->blocks.front());
      piece->blocks.pop_front();
      piece->read += block.size();
      // What the plain stream gave of it already.
      const uint64_t end = piece->range.first + piece->read;
      if (end <= offset_) continue;
      block.drop_front(block.size() - static_cast<std::size_t>(std::min<uint64_t>(block.size(), end - offset_)));
      offset_ = end;
      co_return block;
    }
    if (piece->failure && !piece->is_begun && !piece->has_waited) {
      pieces_.front() = std::make_shared<Piece>(piece->range, changed_);
      co_await start(pieces_.front(), true);
    } else if (piece->failure) {
      co_return std::unexpected(as_cut(*piece->failure));
    } else if (piece->stream != nullptr) {
      last_read_ = std::move(piece->stream);
      pieces_.pop_front();
    } else {
      co_await changed_->wait(seen, SteadyTime::max());  // it ends by deadlines of its own
    }
  }
}

void RangedStream::drop_pieces() {
  for (const auto& one : pieces_) one->is_wanted = false;
  pieces_.clear();
}

// ---- beside the reader ----

Awaitable<void> RangedStream::fetch(std::shared_ptr<Piece> piece, std::shared_ptr<RegistrySource> source, Call call,
                                    RegistrySource::Part part, uint64_t size_bytes) {
  auto stream = co_await source->open_part(std::move(call), std::move(part));
  if (!piece->is_wanted) co_return;
  Status status;
  if (!stream) {
    status = std::unexpected(std::move(stream).error());
  } else if ((*stream)->size_bytes() != size_bytes) {
    status = fail(ErrorCode::corrupt, "cannot read a piece of a blob from upstream '" + source->endpoint().name() +
                                          "': it is of another one (got " +
                                          std::to_string((*stream)->size_bytes().value_or(0)) + " bytes in all, want " +
                                          std::to_string(size_bytes) + ")");
  } else {
    piece->is_begun = true;
    piece->changed->notify_all();
    status = co_await fill(*piece, **stream);
  }
  if (status) {
    piece->stream = std::move(*stream);
  } else {
    piece->failure = std::move(status).error();
  }
  piece->changed->notify_all();
}

/// Ends early, as if all had come, when nobody wants it any more.
Task<void> RangedStream::fill(Piece& piece, blob::Stream& stream) {
  const auto wrong = [&](uint64_t got) {
    return fail(ErrorCode::corrupt, "cannot read a piece of a blob from upstream '" + stream.endpoint() +
                                        "': it is not as long as was asked for (got " + std::to_string(got) +
                                        " bytes, want " + std::to_string(piece.range.length) + ")");
  };
  while (piece.is_wanted) {
    LB_CO_TRY(sys::Block block, co_await stream.next());
    if (block.size() == 0) {
      if (piece.received < piece.range.length) co_return wrong(piece.received);
      break;
    }
    piece.received += block.size();
    if (piece.received > piece.range.length) co_return wrong(piece.received);
    piece.keep(std::move(block));
    piece.changed->notify_all();
  }
  co_return Status{};
}

}  // namespace lifeboat::upstream
