#include "oci/glob.h"

#include <cstddef>

namespace lifeboat::oci {

bool matches_glob(std::string_view pattern, std::string_view text) {
  std::size_t at_pattern = 0;
  std::size_t at_text = 0;
  // Where to go on when what follows the last star does not fit: the star takes one letter more. Earlier stars need no
  // second try: what they could still take, the last one can take too.
  std::size_t behind_star = std::string_view::npos;
  std::size_t taken_until = 0;
  while (at_text < text.size()) {
    if (at_pattern < pattern.size() && pattern[at_pattern] == '*') {
      behind_star = ++at_pattern;
      taken_until = at_text;
    } else if (at_pattern < pattern.size() && pattern[at_pattern] == text[at_text]) {
      ++at_pattern;
      ++at_text;
    } else if (behind_star != std::string_view::npos) {
      at_pattern = behind_star;
      at_text = ++taken_until;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at_pattern) == std::string_view::npos;
}

}  // namespace lifeboat::oci
