#include "oci/reference_pattern.h"

#include <algorithm>
#include <cstddef>

#include "oci/glob.h"
#include "oci/text.h"

namespace lifeboat::oci {
namespace {

constexpr std::size_t kRepositoryMax = 255;
constexpr std::size_t kTagMax = 128;

bool is_repository_letter(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') ||
         std::string_view("._-/*").find(letter) != std::string_view::npos;
}

bool is_tag_letter(char letter) {
  return (letter >= 'A' && letter <= 'Z') || (is_repository_letter(letter) && letter != '/');
}

bool is_pattern(std::string_view text, std::size_t letters_max, bool (*is_letter)(char)) {
  return !text.empty() && text.size() <= letters_max && std::ranges::all_of(text, is_letter);
}

}  // namespace

Result<ReferencePattern> ReferencePattern::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view repository = text.substr(0, colon);
  std::optional<std::string> tag;
  if (colon != std::string_view::npos) tag = std::string(text.substr(colon + 1));
  if (!is_pattern(repository, kRepositoryMax, is_repository_letter) ||
      (tag && !is_pattern(*tag, kTagMax, is_tag_letter))) {
    return fail(ErrorCode::invalid, "cannot parse pattern " + quote(text) +
                                        ": malformed (want a repository, or a repository and a tag, with any number of "
                                        "'*', for example 'org/*' or 'org/*:latest')");
  }
  return ReferencePattern(repository, std::move(tag));
}

std::string ReferencePattern::to_string() const { return tag_ ? repository_ + ":" + *tag_ : repository_; }

bool ReferencePattern::matches(const Repository& repository, const Tag* tag) const {
  if (!matches_glob(repository_, repository.to_string())) return false;
  return !tag_ || (tag != nullptr && matches_glob(*tag_, tag->to_string()));
}

}  // namespace lifeboat::oci
