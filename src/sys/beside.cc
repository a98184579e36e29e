#include "sys/beside.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <exception>
#include <utility>

#include "base/assert.h"

namespace lifeboat::sys {

Awaitable<void> start_beside(Awaitable<void> work) {
  const auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::co_spawn(executor, std::move(work),
                        [](const std::exception_ptr& failure) { LB_ASSERT(failure == nullptr); });
}

}  // namespace lifeboat::sys
