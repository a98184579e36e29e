#include "cli/printable.h"

#include "base/bytes.h"

namespace lifeboat::cli {
namespace {

std::string escaped(std::string_view text, std::string_view kept) {
  std::string shown;
  for (const char letter : text) {
    if ((letter >= ' ' && letter <= '~') || kept.contains(letter)) {
      shown.push_back(letter);
    } else {
      const auto byte = static_cast<std::byte>(letter);
      shown.append("\\x").append(to_hex(std::span(&byte, 1)));
    }
  }
  return shown;
}

}  // namespace

std::string printable(std::string_view text) { return escaped(text, ""); }

std::string printable_lines(std::string_view text) { return escaped(text, "\n"); }

}  // namespace lifeboat::cli
