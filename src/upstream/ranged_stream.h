#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "blob/source.h"
#include "sys/clock.h"
#include "sys/notification.h"
#include "upstream/source.h"

namespace lifeboat::upstream {

struct RangeOptions {
  std::size_t requests = 1;          ///< at a time; below two: none but the plain one
  uint64_t piece_bytes = 4 * kMiB;   ///< of one request
  uint64_t least_bytes = 32 * kMiB;  ///< what is not longer than this comes in one request
};

/// A blob of one endpoint in several requests at a time, in order. It begins as the plain stream it is given, and asks
/// for a piece that comes later beside it; where that piece is on its way the plain stream is ended and pieces go on.
/// An endpoint that knows no ranges, or fails at them, so costs one request, and the plain stream goes on.
///
/// Every piece that the endpoint begins to give lets one more be asked for ahead, up to `requests`. One that is refused
/// lets one less, and when it was not for a lack of room (HttpClientOptions::connections_per_host_max, a rate limit) no
/// more are tried; it is asked for once more when the reader has come to it, and then waits for its turn. Refused
/// again, or broken off, it fails the stream at that byte as an outage, which the next endpoint may continue. No piece
/// waits for the reader with its request still open, so that transfers never wait for each other in a circle.
///
/// Holds at most `requests` pieces, each in no more than about twice its bytes, and what the client holds of each
/// transfer. What is asked beside the reader keeps the source alive and not this; once this is gone it ends with the
/// next bytes, or by its own deadlines. All of it on the loop of who reads.
class RangedStream final : public blob::Stream {
 public:
  struct Blob {
    oci::RepositoryId repository;
    oci::Digest digest;
    uint64_t from = 0;
    uint64_t size_bytes = 0;
    std::string request_id;
  };
  /// `plain`: the whole from `blob.from` on. `options.requests` is two or more.
  RangedStream(std::shared_ptr<RegistrySource> source, sys::Clock& clock, RangeOptions options, Blob blob,
               std::unique_ptr<blob::Stream> plain);
  ~RangedStream() override;

  std::optional<uint64_t> size_bytes() const override { return blob_.size_bytes; }
  Task<sys::Block> next() override;
  std::string endpoint() const override { return source_->endpoint().name(); }
  void reject() override;

 private:
  struct Piece;
  static Awaitable<void> fetch(std::shared_ptr<Piece> piece, std::shared_ptr<RegistrySource> source, Call call,
                               RegistrySource::Part part, uint64_t size_bytes);
  static Task<void> fill(Piece& piece, blob::Stream& stream);

  void adapt();
  Awaitable<void> ask_ahead();
  Awaitable<void> start(std::shared_ptr<Piece> piece, bool waits_for_turn);
  Task<sys::Block> next_of_pieces();
  void leave_plain();
  void drop_pieces();

  // constant after construction
  const std::shared_ptr<RegistrySource> source_;
  sys::Clock& clock_;
  const RangeOptions options_;
  const Blob blob_;
  const std::shared_ptr<sys::Notification> changed_ = std::make_shared<sys::Notification>();

  std::unique_ptr<blob::Stream> plain_;        ///< until pieces go on
  std::deque<std::shared_ptr<Piece>> pieces_;  ///< one behind the other
  std::size_t ahead_max_ = 1;                  ///< pieces at a time, as the endpoint bears it
  bool may_ask_more_ = true;
  uint64_t piece_next_;                      ///< where the next one to ask for begins
  uint64_t offset_;                          ///< the byte that comes next
  std::unique_ptr<blob::Stream> last_read_;  ///< of a piece, ended
};

}  // namespace lifeboat::upstream
