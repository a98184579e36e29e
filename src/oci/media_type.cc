#include "oci/media_type.h"

#include <algorithm>
#include <cstddef>

#include "oci/text.h"

namespace lifeboat::oci {
namespace {

constexpr std::size_t kNameMax = 127;  // of the type and of the subtype

bool is_alphanumeric(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9');
}

/// `restricted-name` of RFC 6838 §4.2.
bool is_restricted_name(std::string_view text) {
  if (text.empty() || text.size() > kNameMax || !is_alphanumeric(text.front())) return false;
  return std::ranges::all_of(text, [](char letter) {
    return is_alphanumeric(letter) || std::string_view("!#$&-^_.+").find(letter) != std::string_view::npos;
  });
}

}  // namespace

Result<MediaType> MediaType::parse(std::string_view text) {
  const std::string_view name = without_outer_space(text.substr(0, text.find(';')));
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos || !is_restricted_name(name.substr(0, slash)) ||
      !is_restricted_name(name.substr(slash + 1))) {
    return fail(ErrorCode::invalid, "cannot parse media type " + quote(text) + ": malformed (want type/subtype)");
  }
  return MediaType(std::string(name));
}

bool MediaType::is_manifest() const { return text_ == kOciManifest || text_ == kDockerManifest; }

bool MediaType::is_index() const { return text_ == kOciIndex || text_ == kDockerManifestList; }

bool MediaType::is_schema1() const {
  return text_ == "application/vnd.docker.distribution.manifest.v1+json" ||
         text_ == "application/vnd.docker.distribution.manifest.v1+prettyjws";
}

bool MediaType::is_non_distributable() const {
  return text_.starts_with("application/vnd.oci.image.layer.nondistributable.") ||
         text_.starts_with("application/vnd.docker.image.rootfs.foreign.");
}

}  // namespace lifeboat::oci
