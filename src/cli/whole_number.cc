#include "cli/whole_number.h"

#include <charconv>

namespace lifeboat::cli {

Result<uint64_t> whole_number_of(std::string_view option, const std::optional<std::string>& text, uint64_t otherwise,
                                 uint64_t max) {
  if (!text) return otherwise;
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size() || number == 0 || number > max) {
    return fail(ErrorCode::invalid, "'" + std::string(option) + "' wants a number from 1 to " + std::to_string(max) +
                                        " (got '" + *text + "')");
  }
  return number;
}

}  // namespace lifeboat::cli
