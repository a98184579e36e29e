#include "sys/http_client.h"

#include <algorithm>
#include <utility>

#include "sys/curl_transfer.h"
#include "sys/curl_worker.h"
#include "sys/http_upload.h"

namespace lifeboat::sys {
namespace {

/// How long a reader waits beyond the stall deadline that the client's thread keeps: a belt to its braces.
constexpr std::chrono::seconds kThreadGrace{2};

/// Whoever holds it wants the transfer; destroyed (a coroutine that is dropped too), it ends it.
class Wanted {
 public:
  Wanted(std::shared_ptr<CurlWorker> worker, std::shared_ptr<CurlTransfer> transfer)
      : worker_(std::move(worker)), transfer_(std::move(transfer)) {}
  Wanted(Wanted&& other) noexcept : worker_(std::move(other.worker_)), transfer_(std::move(other.transfer_)) {}
  Wanted& operator=(Wanted&&) = delete;
  ~Wanted() {
    if (transfer_ == nullptr) return;
    transfer_->cancel();
    if (transfer_->step() != TransferStep::ended) worker_->cancel(std::move(transfer_));
  }

  CurlTransfer& operator*() const { return *transfer_; }
  CurlTransfer* operator->() const { return transfer_.get(); }
  void resume() const { worker_->resume(transfer_); }

 private:
  std::shared_ptr<CurlWorker> worker_;  ///< stopped, but there, when a download outlives its client
  std::shared_ptr<CurlTransfer> transfer_;
};

class CurlDownload final : public HttpDownload {
 public:
  CurlDownload(Wanted transfer, HttpClientResponse head) : transfer_(std::move(transfer)), head_(std::move(head)) {}

  const HttpClientResponse& head() const override { return head_; }
  std::optional<uint64_t> length() const override { return transfer_->length(); }

  Task<Block> next() override {
    for (;;) {
      const uint64_t seen = transfer_->changed().version();
      bool is_room_made = false;
      auto block = transfer_->take_block(is_room_made);
      if (is_room_made) transfer_.resume();
      if (block) co_return std::move(*block);
      const SteadyTime deadline = std::chrono::steady_clock::now() + transfer_->deadlines().stall + kThreadGrace;
      const bool has_changed = co_await transfer_->changed().wait(seen, deadline);
      if (!has_changed) {
        co_return std::unexpected(transfer_->failure(ErrorCode::timed_out, TransferStep::body, "stalled"));
      }
    }
  }

 private:
  const Wanted transfer_;
  const HttpClientResponse head_;
};

Task<HttpClientResponse> response_of(CurlTransfer& transfer, SteadyTime deadline) {
  for (;;) {
    const uint64_t seen = transfer.changed().version();
    if (auto response = transfer.take_response()) co_return std::move(*response);
    const bool has_changed = co_await transfer.changed().wait(seen, deadline);
    if (!has_changed) {
      const TransferStep step = transfer.step();
      // All connections being in use here is no fault of the host.
      const ErrorCode code = step == TransferStep::waiting ? ErrorCode::too_many : ErrorCode::timed_out;
      // The caller's patience says nothing about the host: no step, though the message names it.
      auto failure = transfer.failure(code, step, "no answer before the deadline of the call");
      co_return std::unexpected(std::move(failure).at(NetworkStep::none));
    }
  }
}

class CurlUpload final : public HttpUpload {
 public:
  explicit CurlUpload(Wanted transfer) : transfer_(std::move(transfer)) {}

  Awaitable<bool> give(SharedBytes piece) override {
    for (;;) {
      const uint64_t seen = transfer_->changed().version();
      bool is_awaited = false;
      const auto offered = transfer_->offer(piece, is_awaited);
      if (is_awaited) transfer_.resume();
      if (offered != CurlTransfer::Offered::full) co_return offered == CurlTransfer::Offered::taken;
      // The client's thread keeps every deadline of the steps; when one passes, the transfer is over.
      co_await transfer_->changed().wait(seen, SteadyTime::max());
    }
  }
  Task<HttpClientResponse> finish(Call call) override { co_return co_await response_of(*transfer_, call.deadline()); }

 private:
  const Wanted transfer_;
};

class CurlHttpClient final : public HttpUploadClient {
 public:
  CurlHttpClient(HttpClientOptions options, BlockPool& blocks)
      : user_agent_(std::move(options.user_agent)),
        blocks_(blocks),
        worker_(
            std::make_shared<CurlWorker>(static_cast<std::size_t>(std::max(1L, options.connections_per_host_max)))) {}
  ~CurlHttpClient() override { worker_->stop(); }

  Task<HttpClientResponse> send(Call call, HttpClientRequest request) override {
    LB_CO_CHECK(CurlTransfer::check(request));
    const Wanted transfer = begin(std::move(request), CurlTransfer::Mode::buffered);
    co_return co_await response_of(*transfer, call.deadline());
  }

  Task<std::unique_ptr<HttpDownload>> open(Call call, HttpClientRequest request) override {
    LB_CO_CHECK(CurlTransfer::check(request));
    Wanted transfer = begin(std::move(request), CurlTransfer::Mode::streamed);
    LB_CO_TRY(HttpClientResponse head, co_await response_of(*transfer, call.deadline()));
    co_return std::make_unique<CurlDownload>(std::move(transfer), std::move(head));
  }
  Result<std::unique_ptr<HttpUpload>> upload(HttpClientRequest request, uint64_t body_bytes) override {
    LB_CHECK(CurlTransfer::check(request));
    auto transfer = std::make_shared<CurlTransfer>(std::move(request), body_bytes, blocks_, user_agent_);
    worker_->start(transfer);
    return std::make_unique<CurlUpload>(Wanted(worker_, std::move(transfer)));
  }
  void warm_up() override { worker_->warm_up(); }

 private:
  Wanted begin(HttpClientRequest request, CurlTransfer::Mode mode) {
    auto transfer = std::make_shared<CurlTransfer>(std::move(request), mode, blocks_, user_agent_);
    worker_->start(transfer);
    return {worker_, std::move(transfer)};
  }

  const std::string user_agent_;
  BlockPool& blocks_;
  const std::shared_ptr<CurlWorker> worker_;
};

}  // namespace

std::unique_ptr<HttpUploadClient> make_curl_upload_client(HttpClientOptions options, BlockPool& blocks) {
  return std::make_unique<CurlHttpClient>(std::move(options), blocks);
}

std::unique_ptr<HttpClient> make_curl_http_client(HttpClientOptions options, BlockPool& blocks) {
  return make_curl_upload_client(std::move(options), blocks);
}

}  // namespace lifeboat::sys
