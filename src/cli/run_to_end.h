#pragma once

#include <optional>
#include <utility>

#include "sys/event_loops.h"

namespace lifeboat::cli {

template <class T>
Awaitable<void> keep_and_stop(Awaitable<T> work, std::optional<T>& value, sys::EventLoops& loops) {
  value.emplace(co_await std::move(work));
  loops.stop();
}

/// Runs a coroutine on an event loop of its own, on this thread, and gives what it returned: for commands that do one
/// thing after the other.
template <class T>
T run_to_end(Awaitable<T> work) {
  sys::EventLoops loops(1);
  std::optional<T> value;
  loops.spawn(0, keep_and_stop(std::move(work), value, loops));
  loops.run();
  return std::move(*value);
}

}  // namespace lifeboat::cli
