#pragma once

#include <optional>
#include <string>

#include "sys/block_pool.h"
#include "sys/clock.h"
#include "sys/http_server.h"

namespace lifeboat::sim {

/// What a client sees of an answer.
struct SimReply {
  int status = 0;
  sys::HttpFields fields;
  std::optional<uint64_t> length;  ///< as announced
  std::string body;
  bool is_complete = false;  ///< a client takes the body for whole
  SteadyTime answered{};     ///< when the status line came

  std::string field(std::string_view name) const { return std::string(fields.find(name).value_or("")); }
};

/// How the client behaves.
struct SimReader {
  uint64_t rate_bytes = 0;                 ///< it takes per second; 0: all at once
  std::optional<uint64_t> leaves_after{};  ///< bytes of the body
};

/// One request of a simulated client without a connection, and the answer as it comes.
class SimExchange final : public sys::HttpExchange {
 public:
  SimExchange(sys::HttpRequest request, std::string request_id, SimReader reader);

  const SimReply& reply() const { return reply_; }

  const sys::HttpRequest& request() const override { return request_; }
  const std::string& request_id() const override { return request_id_; }
  unsigned loop() const override { return 0; }
  std::optional<uint64_t> body_length() const override { return 0; }
  Task<sys::Block> read_block() override;
  Task<std::optional<std::string>> read_all(std::size_t max_bytes) override;
  Awaitable<void> respond(sys::HttpResponse response) override;
  Awaitable<void> respond_prepared(sys::PreparedHit hit) override;
  Task<void> begin(sys::HttpResponse head, std::optional<uint64_t> length) override;
  Task<void> send(ByteView bytes) override;
  Task<void> send_file(const sys::ReadableFile& file, uint64_t offset, uint64_t length) override;
  Task<void> end() override;
  bool is_cut() const override { return false; }
  int status() const override { return reply_.status; }
  uint64_t received_bytes() const override { return 0; }
  uint64_t sent_bytes() const override { return reply_.body.size(); }

 private:
  bool is_head() const { return request_.method == sys::HttpMethod::head; }
  void take_head(int status, sys::HttpFields fields);

  const sys::HttpRequest request_;
  const std::string request_id_;
  const SimReader reader_;
  sys::SystemClock clock_;
  SimReply reply_;
};

}  // namespace lifeboat::sim
