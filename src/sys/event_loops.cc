#include "sys/event_loops.h"

#include <pthread.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/assert.h"
#include "sys/event_loops_native.h"
#include "sys/notification.h"

namespace lifeboat::sys {

struct EventLoops::State {
  std::vector<std::unique_ptr<Native>> loops;
};

EventLoops::EventLoops(unsigned count) : state_(std::make_unique<State>()) {
  LB_ASSERT(count > 0);
  for (unsigned i = 0; i < count; ++i) state_->loops.push_back(std::make_unique<Native>());
}

EventLoops::~EventLoops() = default;

unsigned EventLoops::count() const { return static_cast<unsigned>(state_->loops.size()); }

void EventLoops::run() {
  std::vector<std::jthread> others;
  for (unsigned i = 1; i < count(); ++i) {
    others.emplace_back([this, i] {
      pthread_setname_np(pthread_self(), ("loop-" + std::to_string(i)).c_str());
      native(i).context.run();
    });
  }
  native(0).context.run();
}

void EventLoops::stop() {
  for (auto& loop : state_->loops) loop->context.stop();
}

void EventLoops::spawn(unsigned index, Awaitable<void> work) {
  // Our coroutines report failures as values; what still throws is a bug (or no memory) and must not pass silently.
  boost::asio::co_spawn(native(index).context, std::move(work),
                        [](const std::exception_ptr& failure) { LB_ASSERT(failure == nullptr); });
}

void EventLoops::post(unsigned index, std::function<void()> work) {
  boost::asio::post(native(index).context, std::move(work));
}

EventLoops::Native& EventLoops::native(unsigned index) {
  LB_ASSERT(index < state_->loops.size());
  return *state_->loops[index];
}

struct TaskGroup::State {
  explicit State(EventLoops& all) : loops(all) {}

  EventLoops& loops;
  Notification ended;
  std::mutex mutex;
  bool is_joining = false;  // guarded by mutex
  std::size_t running = 0;  // guarded by mutex
  unsigned next_loop = 0;   // guarded by mutex

  std::size_t count() {
    const std::lock_guard lock(mutex);
    return running;
  }
};

namespace {

/// Counts one coroutine for as long as it lives: also when its loop is destroyed under it.
template <class State>
class Membership {
 public:
  explicit Membership(std::shared_ptr<State> group) : group_(std::move(group)) {}
  Membership(Membership&&) noexcept = default;
  Membership& operator=(Membership&&) = delete;
  ~Membership() {
    if (group_ == nullptr) return;
    {
      const std::lock_guard lock(group_->mutex);
      --group_->running;
    }
    group_->ended.notify_all();
  }

 private:
  std::shared_ptr<State> group_;
};

}  // namespace

TaskGroup::TaskGroup(EventLoops& loops) : state_(std::make_shared<State>(loops)) {}
TaskGroup::~TaskGroup() = default;

bool TaskGroup::spawn(Awaitable<void> work) {
  unsigned index = 0;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->is_joining) return false;
    ++state_->running;
    index = state_->next_loop++ % state_->loops.count();
  }
  boost::asio::co_spawn(
      state_->loops.native(index).context, std::move(work),
      [membership = Membership<State>(state_)](const std::exception_ptr& failure) { LB_ASSERT(failure == nullptr); });
  return true;
}

Awaitable<void> TaskGroup::join() {
  const std::shared_ptr<State> state = state_;
  {
    const std::lock_guard lock(state->mutex);
    state->is_joining = true;
  }
  for (;;) {
    const uint64_t seen = state->ended.version();
    if (state->count() == 0) co_return;
    co_await state->ended.wait(seen, SteadyTime::max());
  }
}

std::size_t TaskGroup::running() const { return state_->count(); }

}  // namespace lifeboat::sys
