#pragma once

#include <mutex>
#include <utility>

namespace lifeboat {

/// A value that can only be reached with its lock held. Never hold it across a co_await.
template <class T>
class Guarded {
 public:
  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}

  template <class Work>
  decltype(auto) with(Work work) {
    const std::lock_guard lock(mutex_);
    return work(value_);
  }
  template <class Work>
  decltype(auto) with(Work work) const {
    const std::lock_guard lock(mutex_);
    return work(std::as_const(value_));
  }

 private:
  mutable std::mutex mutex_;
  T value_{};
};

}  // namespace lifeboat
