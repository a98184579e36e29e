#include <utility>

#include "sys/loop_gate_native.h"

namespace lifeboat::sys {
namespace {

/// Asio shuts the services of a context down from the newest to the oldest, its own scheduler last; so the gate is shut
/// while posting is still safe.
class LoopGateService final : public boost::asio::execution_context::service {
 public:
  using key_type = LoopGateService;
  static inline boost::asio::execution_context::id id;

  explicit LoopGateService(boost::asio::execution_context& context) : service(context) {}
  const std::shared_ptr<LoopGate>& gate() const { return gate_; }

 private:
  void shutdown() noexcept override { gate_->shut(); }

  std::shared_ptr<LoopGate> gate_ = std::make_shared<LoopGate>();
};

}  // namespace

std::shared_ptr<LoopGate> LoopGate::of(const boost::asio::any_io_executor& executor) {
  auto& context = boost::asio::query(executor, boost::asio::execution::context);
  return boost::asio::use_service<LoopGateService>(context).gate();
}

bool LoopGate::enter(std::shared_ptr<Entry> entry) {
  const std::lock_guard lock(mutex_);
  if (!is_open_) return false;
  entry->next_ = first_;
  if (first_ != nullptr) first_->previous_ = entry.get();
  first_ = entry.get();
  first_->self_ = std::move(entry);
  return true;
}

bool LoopGate::begin() {
  const std::lock_guard lock(mutex_);
  if (is_open_) ++running_;
  return is_open_;
}

std::shared_ptr<LoopGate::Entry> LoopGate::unlink(Entry& entry) {
  if (entry.previous_ != nullptr) entry.previous_->next_ = entry.next_;
  if (entry.next_ != nullptr) entry.next_->previous_ = entry.previous_;
  if (first_ == &entry) first_ = entry.next_;
  entry.next_ = entry.previous_ = nullptr;
  return std::move(entry.self_);
}

void LoopGate::shut() {
  std::unique_lock lock(mutex_);
  is_open_ = false;
  idle_.wait(lock, [this] { return running_ == 0; });
  while (first_ != nullptr) {
    const std::shared_ptr<Entry> entry = unlink(*first_);
    // What the coroutine holds may come back here when it is destroyed.
    lock.unlock();
    entry->abandon();
    lock.lock();
  }
}

}  // namespace lifeboat::sys
