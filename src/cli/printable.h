#pragma once

#include <string>
#include <string_view>

/// Text that others wrote, as a terminal may see it: names, paths and reasons of a tree or a registry that nobody
/// vouches for. Pure.
namespace lifeboat::cli {

/// Nothing in it moves the cursor, changes colours or begins a line: whatever is not printable ASCII is shown as its
/// bytes, "\x1b".
std::string printable(std::string_view text);
/// The same of what has lines of its own, which stay.
std::string printable_lines(std::string_view text);

}  // namespace lifeboat::cli
