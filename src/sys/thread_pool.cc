#include "sys/thread_pool.h"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/assert.h"
#include "sys/loop_gate_native.h"

namespace lifeboat::sys {

namespace asio = boost::asio;

struct ThreadPool::State {
  std::string name;

  std::mutex mutex;
  std::condition_variable wakeup;
  std::deque<std::function<void()>> queue;  // guarded by mutex
  bool is_stopping = false;                 // guarded by mutex

  std::vector<std::jthread> threads;  // last: they are joined while the rest still lives

  void work() {
    pthread_setname_np(pthread_self(), name.c_str());
    std::unique_lock lock(mutex);
    for (;;) {
      wakeup.wait(lock, [this] { return is_stopping || !queue.empty(); });
      if (queue.empty()) return;
      std::function<void()> job = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      job();
      job = nullptr;
      lock.lock();
    }
  }
};

ThreadPool::ThreadPool(std::string name, unsigned threads) : state_(std::make_unique<State>()) {
  LB_ASSERT(name.size() <= 15 && threads > 0);
  state_->name = std::move(name);
  for (unsigned i = 0; i < threads; ++i) state_->threads.emplace_back([state = state_.get()] { state->work(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->is_stopping = true;
  }
  state_->wakeup.notify_all();
}

void ThreadPool::post(std::function<void()> work) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->queue.push_back(std::move(work));
  }
  state_->wakeup.notify_one();
}

namespace {

using Handler = asio::async_result<asio::use_awaitable_t<>, void()>::handler_type;

/// A coroutine that waits for the pool. Its frame lives as long as the handler, and `work` is in the frame.
struct WaitingCoroutine final : LoopGate::Entry {
  WaitingCoroutine(Handler h, std::function<void()>& w) : handler(std::move(h)), work(w) {}
  void abandon() override { handler.reset(); }

  std::optional<Handler> handler;
  std::function<void()>& work;
};

}  // namespace

Awaitable<void> ThreadPool::run_erased(std::function<void()> work) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto start = [this, &work, gate = LoopGate::of(executor)](Handler handler) {
    auto coroutine = std::make_shared<WaitingCoroutine>(std::move(handler), work);
    if (!gate->enter(coroutine)) return;
    post([gate, coroutine] {
      if (!gate->begin()) return;
      coroutine->work();
      // The handler's own executor is the coroutine's.
      gate->finish(*coroutine, [&] { asio::post(std::move(*coroutine->handler)); });
    });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(std::move(start), asio::use_awaitable);
}

}  // namespace lifeboat::sys
