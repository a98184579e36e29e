#pragma once

#include <functional>

#include "base/task.h"

namespace lifeboat::registry::copy {

/// Starts `worker` so many times on the loop of whoever awaits this, and waits until all have ended. What they share
/// needs no lock.
Awaitable<void> work_together(unsigned count, std::function<Awaitable<void>()> worker);

}  // namespace lifeboat::registry::copy
