#pragma once

#include <boost/asio/awaitable.hpp>

#include "base/error.h"

namespace lifeboat {

/// Asio's coroutine type: the one name of a third party that our headers may say.
template <class T>
using Awaitable = boost::asio::awaitable<T>;

/// An operation that waits and then has a value or an Error. It resumes on the executor it was started on.
template <class T>
using Task = Awaitable<Result<T>>;

}  // namespace lifeboat
