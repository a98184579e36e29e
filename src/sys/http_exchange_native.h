#pragma once

#include <memory>
#include <string>

#include "sys/http_connection_native.h"

namespace lifeboat::sys {

/// Status line, fields and Content-Length (none when `length` is nothing), the Date line; no Connection field and no
/// empty line yet.
std::string render_head(const HttpResponse& response, std::optional<uint64_t> length, std::string_view date_line);

/// Sends ranges of files over a connection: sendfile where it can, read and send where it cannot (TLS, memory).
class HttpFileSender {
 public:
  /// `is_cut`: set when the connection is to end wherever it is; outlives the sender.
  HttpFileSender(HttpTransport& transport, Clock& clock, RateFloor floor, const bool& is_cut)
      : transport_(transport), clock_(clock), floor_(floor), is_cut_(is_cut) {}
  /// cancelled: the client left; timed_out: slower than the floor; corrupt: the file ended early.
  Task<void> send(const ReadableFile& file, uint64_t offset, uint64_t length);
  Task<void> send_bytes(ByteView bytes);

 private:
  Task<void> wait(Step::Kind want);
  HttpTransport& transport_;
  Clock& clock_;
  RateFloor floor_;
  const bool& is_cut_;
};

/// The long way: one request with its fields, its body, and an answer made for it.
class HttpConnectionExchange final : public HttpExchange {
 public:
  HttpConnectionExchange(HttpConnection& connection, const HttpHead& head, std::string_view head_bytes);

  const HttpRequest& request() const override { return request_; }
  const std::string& request_id() const override { return request_id_; }
  unsigned loop() const override { return connection_.loop_.index; }
  std::optional<uint64_t> body_length() const override;
  Task<Block> read_block() override;
  Task<std::optional<std::string>> read_all(std::size_t max_bytes) override;
  Awaitable<void> respond(HttpResponse response) override;
  Awaitable<void> respond_prepared(PreparedHit hit) override;
  Task<void> begin(HttpResponse head, std::optional<uint64_t> length) override;
  Task<void> send(ByteView bytes) override;
  Task<void> send_file(const ReadableFile& file, uint64_t offset, uint64_t length) override;
  Task<void> end() override;
  bool is_cut() const override { return connection_.is_cut_; }
  int status() const override { return status_; }
  uint64_t received_bytes() const override { return received_; }
  uint64_t sent_bytes() const override { return sent_; }

  /// After the handler: drops a small rest of the body, or marks the connection to be closed.
  Awaitable<void> finish();

 private:
  bool is_body_read() const;
  Task<void> continue_if_asked();
  Task<std::size_t> receive_some(ByteSpan into);
  Task<void> fill_counted(Block& block);
  Task<void> fill_chunked(Block& block);
  std::string head_with_ending(const HttpResponse& head, std::optional<uint64_t> length);
  void decide_to_close();

  // Constant after construction.
  HttpConnection& connection_;
  const HttpHead head_;
  HttpRequest request_;
  std::string request_id_;
  // Used by the handler's coroutine alone.
  uint64_t left_ = 0;  ///< of a counted body
  std::unique_ptr<ChunkedBody> chunks_;
  std::string raw_;  ///< received chunked bytes, not yet decoded
  std::optional<RateFloor> receive_floor_;
  std::optional<HttpFileSender> sender_;
  bool waits_for_continue_ = false;
  bool is_broken_ = false;  ///< the connection is of no more use
  bool is_chunked_answer_ = false;
  std::optional<uint64_t> answer_left_;
  int status_ = 0;
  uint64_t received_ = 0;
  uint64_t sent_ = 0;
};

}  // namespace lifeboat::sys
