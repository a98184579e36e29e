#pragma once

#include <string>
#include <vector>

/// Columns on a terminal. Pure.
namespace lifeboat::cli {

using TableRow = std::vector<std::string>;

/// A line for each row; columns but the last are as wide as their longest text, with two spaces between. All rows are
/// of the same length.
std::string table_of(const std::vector<TableRow>& rows);

/// Foreign text for a terminal: nothing in it moves the cursor, changes colours or begins a line.
std::string without_controls(std::string text);

}  // namespace lifeboat::cli
