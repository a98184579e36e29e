#pragma once

#include "base/task.h"

namespace lifeboat::sys {

/// Starts `work` beside the coroutine that awaits this, on the same loop, and does not wait for it. It keeps alive all
/// that it uses and ends by itself, within a deadline; with its loop it is destroyed as every coroutine is.
Awaitable<void> start_beside(Awaitable<void> work);

}  // namespace lifeboat::sys
