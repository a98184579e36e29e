#pragma once

#include <optional>
#include <string_view>

namespace lifeboat::server {

/// toml++ 3.3 runs into undefined behaviour when it asks whether certain letters beyond ASCII are white space, which it
/// does outside of strings and comments (`größe = 1`), and after a backslash in a string. TOML 1.0 allows no such
/// letter there, so a document with one is refused before the library sees it. The line of the first such letter;
/// nothing when there is none. A byte order mark at the very start is fine.
std::optional<unsigned> find_misplaced_letter(std::string_view toml);

}  // namespace lifeboat::server
