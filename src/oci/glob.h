#pragma once

#include <string_view>

namespace lifeboat::oci {

/// Whether `text` is what `pattern` says: `*` stands for any text, none and '/' included, every other letter for
/// itself. Takes at most as many steps as both lengths multiplied.
bool matches_glob(std::string_view pattern, std::string_view text);

}  // namespace lifeboat::oci
