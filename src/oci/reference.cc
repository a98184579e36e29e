#include "oci/reference.h"

#include <algorithm>
#include <cstddef>

#include "oci/text.h"

namespace lifeboat::oci {
namespace {

constexpr std::size_t kTagMax = 128;

bool is_word(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') ||
         letter == '_';
}

}  // namespace

Result<Tag> Tag::parse(std::string_view text) {
  const bool is_tag =
      !text.empty() && text.size() <= kTagMax && is_word(text.front()) &&
      std::ranges::all_of(text, [](char letter) { return is_word(letter) || letter == '.' || letter == '-'; });
  if (!is_tag) {
    return fail(ErrorCode::invalid, "cannot parse tag " + quote(text) +
                                        ": malformed (want 1 to 128 letters, digits, '_', '.' or '-', the first "
                                        "neither '.' nor '-')");
  }
  return Tag(std::string(text));
}

Result<Reference> Reference::parse(std::string_view text) {
  if (text.find(':') != std::string_view::npos) {
    LB_TRY(const Digest digest, Digest::parse(text));
    return Reference(digest);
  }
  LB_TRY(Tag tag, Tag::parse(text));
  return Reference(std::move(tag));
}

std::string Reference::to_string() const {
  const Tag* name = tag();
  return name != nullptr ? name->to_string() : digest()->to_string();
}

}  // namespace lifeboat::oci
