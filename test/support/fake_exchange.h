#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sys/block_pool.h"
#include "sys/http_server.h"

namespace lifeboat::test {

struct FakeRequest {
  std::string method = "GET";
  std::string target;
  std::vector<std::pair<std::string, std::string>> fields{};
  std::string body{};
  bool is_chunked = false;                     ///< the body's length is not announced
  std::optional<uint64_t> announced_length{};  ///< another one than the body's
  std::optional<uint64_t> breaks_after{};      ///< the client leaves after that many bytes of the body
  unsigned loop = 0;
  sys::HttpDoor door = sys::HttpDoor::network;
};

struct FakeAnswer {
  int status = 0;
  sys::HttpFields fields;
  std::string body;
  std::optional<uint64_t> length;  ///< as announced
  bool is_prepared = false;
  bool is_complete = false;  ///< false: a real connection would be closed with the body cut

  std::string field(std::string_view name) const { return std::string(fields.find(name).value_or("")); }
};

/// One request and its answer without any connection: the body comes from a string, the answer is kept. Checks what a
/// handler must keep to: one answer, and no more bytes than announced.
class FakeExchange final : public sys::HttpExchange {
 public:
  explicit FakeExchange(FakeRequest request);

  const FakeAnswer& answer() const { return answer_; }
  /// Whether the handler has read any of the body.
  bool was_body_read() const { return was_body_read_; }
  /// Called after each piece of an answer's body was sent.
  std::function<void()> on_sent;

  const sys::HttpRequest& request() const override { return request_; }
  const std::string& request_id() const override { return request_id_; }
  unsigned loop() const override { return given_.loop; }
  std::optional<uint64_t> body_length() const override;
  Task<sys::Block> read_block() override;
  Task<std::optional<std::string>> read_all(std::size_t max_bytes) override;
  Awaitable<void> respond(sys::HttpResponse response) override;
  Awaitable<void> respond_prepared(sys::PreparedHit hit) override;
  Task<void> begin(sys::HttpResponse head, std::optional<uint64_t> length) override;
  Task<void> send(ByteView bytes) override;
  Task<void> send_file(const sys::ReadableFile& file, uint64_t offset, uint64_t length) override;
  Task<void> end() override;
  bool is_cut() const override { return false; }
  int status() const override { return answer_.status; }
  uint64_t received_bytes() const override { return offset_; }
  uint64_t sent_bytes() const override { return answer_.body.size(); }

 private:
  void append(std::string_view bytes);
  bool is_head() const { return request_.method == sys::HttpMethod::head; }

  const FakeRequest given_;
  sys::HttpRequest request_;
  const std::string request_id_ = "test";
  sys::BlockPool blocks_;
  FakeAnswer answer_;
  uint64_t offset_ = 0;
  bool was_body_read_ = false;
};

/// Status and fields out of the text of a prepared head.
std::pair<int, sys::HttpFields> parse_prepared_head(std::string_view head);

}  // namespace lifeboat::test
