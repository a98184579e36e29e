#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>

#include "base/task.h"

namespace lifeboat::sys {

/// A named, bounded set of threads for work that blocks or computes: disk, SQL, hashing. Stops with its destructor,
/// after the work that was already given to it.
class ThreadPool {
 public:
  /// `name` has at most 15 letters (the kernel's limit for a thread).
  ThreadPool(std::string name, unsigned threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// Runs `work` on a thread of the pool, some time. Any thread may call. `work` does not throw.
  void post(std::function<void()> work);

  /// Runs `work` on the pool and resumes here, on the coroutine's own executor, with what it returned.
  template <class Work>
  Awaitable<std::invoke_result_t<Work>> run(Work work) {
    using Value = std::invoke_result_t<Work>;
    if constexpr (std::is_void_v<Value>) {
      co_await run_erased([&work] { work(); });
    } else {
      std::optional<Value> value;
      co_await run_erased([&work, &value] { value.emplace(work()); });
      co_return std::move(*value);
    }
  }

 private:
  Awaitable<void> run_erased(std::function<void()> work);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lifeboat::sys
