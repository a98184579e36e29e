#include "sys/curl_worker.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace lifeboat::sys {
namespace {

/// Kept-alive connections in all.
constexpr long kIdleConnectionsMax = 64;  // NOLINT(google-runtime-int): libcurl's type
/// How long the thread sleeps when nothing is due; an order wakes it.
constexpr std::chrono::milliseconds kSleepMax{std::chrono::minutes(1)};

}  // namespace

CurlWorker::~CurlWorker() { stop(); }

void CurlWorker::stop() {
  {
    const std::lock_guard lock(mu_);
    is_stopping_ = true;
    if (multi_ != nullptr) curl_.multi_wakeup(multi_);
    given_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void CurlWorker::warm_up() {
  const std::lock_guard lock(mu_);
  if (!is_stopping_ && !thread_.joinable()) thread_ = std::thread([this] { run(); });
}

void CurlWorker::give(Order order) {
  const std::lock_guard lock(mu_);
  if (is_stopping_) return;
  orders_.push_back(std::move(order));
  if (!thread_.joinable()) {
    thread_ = std::thread([this] { run(); });
  } else if (multi_ != nullptr) {
    curl_.multi_wakeup(multi_);
  } else {
    given_.notify_all();
  }
}

bool CurlWorker::open_library() {
  for (;;) {
    auto library = CurlLibrary::open();
    if (library) {
      const std::lock_guard lock(mu_);
      curl_ = *library;
      multi_ = curl_.multi_init();
      if (multi_ != nullptr) {
        curl_.multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kIdleConnectionsMax);
        return true;
      }
      library = fail(ErrorCode::unavailable, "cannot use library 'libcurl': it gives no handle");
    }
    std::unique_lock lock(mu_);
    const std::vector<Order> orders = std::exchange(orders_, {});
    lock.unlock();
    for (const Order& order : orders) order.transfer->fail_with(library.error());
    lock.lock();
    given_.wait(lock, [&] { return is_stopping_ || !orders_.empty(); });
    if (is_stopping_) return false;
  }
}

void CurlWorker::run() {
  pthread_setname_np(pthread_self(), "http-client");
  if (open_library()) {
    while (obey()) {
      int running = 0;
      curl_.multi_perform(multi_, &running);
      collect_ended();
      look_after_all();
      curl_.multi_poll(multi_, nullptr, 0, poll_timeout_ms(), nullptr);
    }
  }
  end_all();
}

bool CurlWorker::obey() {
  std::vector<Order> orders;
  {
    const std::lock_guard lock(mu_);
    if (is_stopping_) return false;
    orders.swap(orders_);
  }
  for (Order& order : orders) {
    CurlTransfer* transfer = order.transfer.get();
    switch (order.kind) {
      case Order::Kind::start: admit(std::move(order.transfer)); break;
      case Order::Kind::resume:
        if (active_.contains(transfer)) transfer->resume();
        break;
      case Order::Kind::cancel:
        std::erase(waiting_, order.transfer);
        remove(transfer);
        break;
    }
  }
  return true;
}

// Only downloads are counted: a question about a tag never waits behind sixteen layers.
void CurlWorker::admit(std::shared_ptr<CurlTransfer> transfer) {
  if (transfer->is_cancelled()) return;
  if (transfer->mode() == CurlTransfer::Mode::streamed) {
    std::size_t& count = downloads_[transfer->origin()];
    if (count >= downloads_max_) {
      if (!transfer->waits_for_turn()) {
        auto refusal = transfer->failure(ErrorCode::too_many, TransferStep::waiting, "as many run as may");
        return transfer->fail_with(std::move(refusal).at(NetworkStep::none));
      }
      transfer->wait_for_turn();
      return waiting_.push_back(std::move(transfer));
    }
    ++count;
  }
  begin(std::move(transfer));
}

void CurlWorker::begin(std::shared_ptr<CurlTransfer> transfer) {
  CurlTransfer* key = transfer.get();
  active_.emplace(key, std::move(transfer));
  const auto handle = key->prepare(curl_);
  if (handle && curl_.multi_add_handle(multi_, *handle) == CURLM_OK) return;
  key->fail_with(handle ? key->failure(ErrorCode::internal, key->step(), "libcurl takes no request") : handle.error());
  remove(key);
}

void CurlWorker::remove(CurlTransfer* transfer) {
  const auto found = active_.find(transfer);
  if (found == active_.end()) return;
  const std::shared_ptr<CurlTransfer> kept = std::move(found->second);
  active_.erase(found);
  if (kept->handle() != nullptr) curl_.multi_remove_handle(multi_, kept->handle());
  if (kept->mode() != CurlTransfer::Mode::streamed) return;

  const auto count = downloads_.find(kept->origin());
  if (--count->second == 0) downloads_.erase(count);
  if (kept->has_failed_to_connect()) refuse_waiting(kept->origin());
  const auto next = std::ranges::find(waiting_, kept->origin(), [](const auto& t) { return t->origin(); });
  if (next == waiting_.end()) return;
  std::shared_ptr<CurlTransfer> admitted = std::move(*next);
  waiting_.erase(next);
  admit(std::move(admitted));
}

// Each would find out for itself, one connect deadline after the other.
void CurlWorker::refuse_waiting(const std::string& origin) {
  const auto is_there = [&](const auto& entry) {
    return entry.second->origin() == origin && entry.second->is_connected();
  };
  if (std::ranges::any_of(active_, is_there)) return;
  std::erase_if(waiting_, [&](const auto& transfer) {
    if (transfer->origin() != origin) return false;
    auto refusal = transfer->failure(ErrorCode::unavailable, TransferStep::waiting, "those before it cannot connect");
    transfer->fail_with(std::move(refusal).at(NetworkStep::not_sent));
    return true;
  });
}

void CurlWorker::collect_ended() {
  int left = 0;
  while (const CURLMsg* message = curl_.multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    char* key = nullptr;
    curl_.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &key);
    auto* transfer = reinterpret_cast<CurlTransfer*>(key);  // NOLINT: what CURLOPT_PRIVATE was set to
    transfer->finish(code);
    remove(transfer);
  }
}

void CurlWorker::look_after_all() {
  const SteadyTime now = std::chrono::steady_clock::now();
  std::vector<CurlTransfer*> failed;
  for (const auto& [key, transfer] : active_) {
    if (transfer->is_cancelled() || !transfer->look_after(now)) failed.push_back(key);
  }
  for (CurlTransfer* transfer : failed) remove(transfer);
}

int CurlWorker::poll_timeout_ms() const {
  const SteadyTime now = std::chrono::steady_clock::now();
  SteadyTime next = now + kSleepMax;
  for (const auto& [key, transfer] : active_) next = std::min(next, transfer->next_look());
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next - now).count();
  return static_cast<int>(std::max<long>(0, wait));  // NOLINT(google-runtime-int)
}

void CurlWorker::end_all() {
  std::vector<Order> orders;
  {
    const std::lock_guard lock(mu_);
    orders.swap(orders_);
  }
  const auto end = [](CurlTransfer& transfer) {
    transfer.fail_with(transfer.failure(ErrorCode::cancelled, transfer.step(), "the client is stopping"));
  };
  for (const auto& transfer : waiting_) end(*transfer);
  waiting_.clear();
  for (const Order& order : orders) end(*order.transfer);
  while (!active_.empty()) {
    end(*active_.begin()->second);
    remove(active_.begin()->first);
  }
  const std::lock_guard lock(mu_);
  if (multi_ != nullptr) curl_.multi_cleanup(std::exchange(multi_, nullptr));
}

}  // namespace lifeboat::sys
