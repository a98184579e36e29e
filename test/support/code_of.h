#pragma once

#include <string_view>

#include "base/error.h"

namespace lifeboat::test {

/// The name of the failure's code, or "" where there is none: a comparison that fails then tells both.
template <class T>
std::string_view code_of(const Result<T>& result) {
  return result ? std::string_view() : to_string(result.error().code());
}

}  // namespace lifeboat::test
