#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "sys/event_loops.h"

namespace lifeboat::sys {

/// One loop. For the .cc files of sys/ alone.
struct EventLoops::Native {
  boost::asio::io_context context{1};
  /// Keeps run() from returning while nobody has anything to do; only stop() ends it.
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
};

}  // namespace lifeboat::sys
