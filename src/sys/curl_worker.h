#pragma once

// Private to the HTTP client.

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sys/curl_transfer.h"

namespace lifeboat::sys {

/// The thread "http-client": all transfers on one multi handle. It starts with the first request; with nothing to do it
/// sleeps without a timer.
class CurlWorker {
 public:
  explicit CurlWorker(std::size_t downloads_per_origin_max) : downloads_max_(downloads_per_origin_max) {}
  ~CurlWorker();
  CurlWorker(const CurlWorker&) = delete;
  CurlWorker& operator=(const CurlWorker&) = delete;

  /// Ends the transfers that are open: their waiters get `cancelled`. Orders given later are dropped.
  void stop();

  // Any thread.
  /// Opens the library now rather than at the first order.
  void warm_up();
  void start(std::shared_ptr<CurlTransfer> transfer) { give({Order::Kind::start, std::move(transfer)}); }
  void resume(std::shared_ptr<CurlTransfer> transfer) { give({Order::Kind::resume, std::move(transfer)}); }
  void cancel(std::shared_ptr<CurlTransfer> transfer) { give({Order::Kind::cancel, std::move(transfer)}); }

 private:
  struct Order {
    enum class Kind { start, resume, cancel };
    Kind kind;
    std::shared_ptr<CurlTransfer> transfer;
  };
  using Transfers = std::map<CurlTransfer*, std::shared_ptr<CurlTransfer>>;

  void give(Order order);
  void run();
  /// False: the library cannot be opened (all who ask are told), or the worker stops.
  bool open_library();
  bool obey();
  void admit(std::shared_ptr<CurlTransfer> transfer);
  void begin(std::shared_ptr<CurlTransfer> transfer);
  void remove(CurlTransfer* transfer);
  /// A download could not connect to its host: when none of the others has, those that wait are told the same.
  void refuse_waiting(const std::string& origin);
  void collect_ended();
  void look_after_all();
  int poll_timeout_ms() const;
  void end_all();

  // constant after construction
  const std::size_t downloads_max_;

  // the thread only
  CurlLibrary curl_;
  Transfers active_;
  std::map<std::string, std::size_t> downloads_;  ///< by origin
  std::vector<std::shared_ptr<CurlTransfer>> waiting_;

  // guarded by mu_
  std::mutex mu_;
  std::condition_variable given_;
  std::vector<Order> orders_;
  bool is_stopping_ = false;
  CURLM* multi_ = nullptr;  ///< set once by the thread; curl_multi_wakeup may be called from any
  std::thread thread_;
};

}  // namespace lifeboat::sys
