#include "cli/table.h"

#include <algorithm>
#include <cstddef>

namespace lifeboat::cli {

std::string table_of(const std::vector<TableRow>& rows) {
  std::vector<std::size_t> widths;
  for (const TableRow& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const TableRow& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i) text.append(row[i]).append(widths[i] - row[i].size() + 2, ' ');
    if (!row.empty()) text.append(row.back());
    text.append("\n");
  }
  return text;
}

std::string without_controls(std::string text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < ' ' || byte == 0x7F) text[i] = '?';
    // U+0080 to U+009F, the other row of controls, in UTF-8.
    const bool is_second_row = byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (is_second_row) text.replace(i, 2, "?");
  }
  return text;
}

}  // namespace lifeboat::cli
