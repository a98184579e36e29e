#include "oci/text.h"

#include <cstddef>
#include <nlohmann/json.hpp>

namespace lifeboat::oci {
namespace {

constexpr std::size_t kQuotedMax = 80;

bool is_printable(char letter) { return letter >= ' ' && letter <= '~'; }

/// Nothing to escape: then the text is its own JSON.
bool is_plain(std::string_view text) {
  for (const char letter : text) {
    if (!is_printable(letter) || letter == '"' || letter == '\\') return false;
  }
  return true;
}

}  // namespace

std::string quote(std::string_view text) {
  std::string out = "'";
  for (const char letter : text.substr(0, kQuotedMax)) out.push_back(is_printable(letter) ? letter : '?');
  if (text.size() > kQuotedMax) out.append("...");
  out.push_back('\'');
  return out;
}

std::string_view without_outer_space(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

void append_json_text(std::string& out, std::string_view text) {
  if (is_plain(text)) {
    out.append("\"").append(text).append("\"");
    return;
  }
  out.append(nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace lifeboat::oci
