#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution_context.hpp>
#include <condition_variable>
#include <memory>
#include <mutex>

/// How other threads hand something to a coroutine whose event loop may be going away: every event loop has one gate,
/// which is shut before the loop is taken apart. Behind a shut gate nothing reaches the loop any more, and no thread
/// still works for one of its coroutines. For the .cc files of sys/ alone.
namespace lifeboat::sys {

class LoopGate {
 public:
  /// Something another thread does for a waiting coroutine.
  class Entry {
   public:
    Entry() = default;
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    virtual ~Entry() = default;
    /// The loop goes: destroy the coroutine that waits.
    virtual void abandon() = 0;

   private:
    friend class LoopGate;
    std::shared_ptr<Entry> self_;  // held while in the list
    Entry* next_ = nullptr;
    Entry* previous_ = nullptr;
  };

  /// The gate of the loop (or other context) behind `executor`.
  static std::shared_ptr<LoopGate> of(const boost::asio::any_io_executor& executor);

  /// Notes the entry, to be abandoned if the loop goes before `finish`. False when the gate is shut.
  bool enter(std::shared_ptr<Entry> entry);
  /// The work for the entry is about to run. False when it was abandoned.
  bool begin();
  /// The work has run: calls `deliver`, which may post to the loop, unless the gate was shut meanwhile.
  template <class Deliver>
  void finish(Entry& entry, Deliver deliver) {
    const std::lock_guard lock(mutex_);
    --running_;
    if (!is_open_) {
      idle_.notify_all();
      return;
    }
    const std::shared_ptr<Entry> keep = unlink(entry);
    deliver();
  }
  /// Calls `deliver`, which may post to the loop, unless the gate is shut.
  template <class Deliver>
  void pass(Deliver deliver) {
    const std::lock_guard lock(mutex_);
    if (is_open_) deliver();
  }

  void shut();

 private:
  std::shared_ptr<Entry> unlink(Entry& entry);

  std::mutex mutex_;
  std::condition_variable idle_;
  bool is_open_ = true;     // guarded by mutex_
  int running_ = 0;         // guarded by mutex_
  Entry* first_ = nullptr;  // guarded by mutex_
};

}  // namespace lifeboat::sys
