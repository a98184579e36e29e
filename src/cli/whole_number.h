#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace lifeboat::cli {

/// What an option that takes a number was given; `otherwise` when it was not. invalid: not a number from 1 to `max`.
/// Pure.
Result<uint64_t> whole_number_of(std::string_view option, const std::optional<std::string>& text, uint64_t otherwise,
                                 uint64_t max);

}  // namespace lifeboat::cli
