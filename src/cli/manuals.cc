#include "cli/manuals.h"

#include <algorithm>

namespace lifeboat::cli {

std::string plain_text(std::string_view markdown) {
  std::string out;
  bool is_code = false;
  while (!markdown.empty()) {
    std::string_view line = markdown.substr(0, markdown.find('\n'));
    markdown.remove_prefix(std::min(line.size() + 1, markdown.size()));
    if (line.starts_with("```")) {
      is_code = !is_code;
      continue;
    }
    if (is_code) {
      out.append(line.empty() ? "" : "  ").append(line).append("\n");
      continue;
    }
    const bool is_section = line.starts_with("## ");
    if (line.starts_with('#')) line.remove_prefix(std::min(line.find_first_not_of("# "), line.size()));
    for (const char letter : line) {
      if (letter != '`') out.push_back(letter);
    }
    out.append(is_section ? ":\n" : "\n");
  }
  return out;
}

}  // namespace lifeboat::cli
