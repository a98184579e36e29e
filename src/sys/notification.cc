#include "sys/notification.h"

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mutex>
#include <utility>
#include <vector>

#include "sys/loop_gate_native.h"

namespace lifeboat::sys {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kNotListed = static_cast<std::size_t>(-1);

struct Waiter {
  explicit Waiter(const asio::any_io_executor& e) : executor(e), gate(LoopGate::of(e)) {}

  const asio::any_io_executor executor;
  const std::shared_ptr<LoopGate> gate;
  std::size_t index = kNotListed;       // guarded by WaiterList::mutex
  asio::steady_timer* timer = nullptr;  // on the waiter's loop only; null once it no longer waits
};

}  // namespace

/// Shared with the waiters: one whose loop was destroyed may leave after the Notification is gone.
struct Notification::State {
  struct Shared {
    std::mutex mutex;
    std::atomic<uint64_t> version = 0;             // grows under mutex
    std::vector<std::shared_ptr<Waiter>> waiters;  // guarded by mutex

    bool add(const std::shared_ptr<Waiter>& waiter, uint64_t seen) {
      const std::lock_guard lock(mutex);
      if (version.load() != seen) return false;
      waiter->index = waiters.size();
      waiters.push_back(waiter);
      return true;
    }
    void remove(Waiter& waiter) {
      const std::lock_guard lock(mutex);
      if (waiter.index == kNotListed) return;
      if (waiter.index + 1 < waiters.size()) {
        std::swap(waiters[waiter.index], waiters.back());
        waiters[waiter.index]->index = waiter.index;
      }
      waiter.index = kNotListed;
      waiters.pop_back();
    }
  };

  std::shared_ptr<Shared> shared = std::make_shared<Shared>();

  /// In the list from construction until it is destroyed, with the timer to be cut short.
  class Listed {
   public:
    Listed(std::shared_ptr<Shared> shared, const asio::any_io_executor& executor, asio::steady_timer& timer)
        : shared_(std::move(shared)), waiter_(std::make_shared<Waiter>(executor)) {
      waiter_->timer = &timer;
    }
    Listed(const Listed&) = delete;
    Listed& operator=(const Listed&) = delete;
    ~Listed() {
      waiter_->timer = nullptr;
      shared_->remove(*waiter_);
    }
    bool add(uint64_t seen) { return shared_->add(waiter_, seen); }

   private:
    std::shared_ptr<Shared> shared_;
    std::shared_ptr<Waiter> waiter_;
  };
};

Notification::Notification() : state_(std::make_unique<State>()) {}
Notification::~Notification() = default;

uint64_t Notification::version() const { return state_->shared->version.load(); }

void Notification::notify_all() {
  std::vector<std::shared_ptr<Waiter>> waiters;
  {
    const std::lock_guard lock(state_->shared->mutex);
    state_->shared->version.fetch_add(1);
    waiters.swap(state_->shared->waiters);
    for (const auto& waiter : waiters) waiter->index = kNotListed;
  }
  for (const auto& waiter : waiters) {
    waiter->gate->pass([&waiter] {
      asio::post(waiter->executor, [waiter] {
        if (waiter->timer != nullptr) waiter->timer->cancel();
      });
    });
  }
}

Awaitable<bool> Notification::wait(uint64_t seen, SteadyTime deadline) {
  const std::shared_ptr<State::Shared> shared = state_->shared;
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, deadline);
  State::Listed listed(shared, executor, timer);
  // Nothing else runs on this loop between being listed and the start of the wait, so a wake-up cannot come too early.
  if (listed.add(seen)) co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return shared->version.load() != seen;
}

}  // namespace lifeboat::sys
