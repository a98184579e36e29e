#include "oci/platform.h"

#include <algorithm>
#include <array>

#include "oci/text.h"

namespace lifeboat::oci {
namespace {

struct UsualVariant {
  std::string_view architecture;
  std::string_view variant;
};
constexpr std::array<UsualVariant, 3> kUsualVariants{{{"amd64", "v1"}, {"arm", "v7"}, {"arm64", "v8"}}};

bool is_usual(std::string_view architecture, std::string_view variant) {
  return std::ranges::any_of(kUsualVariants, [&](const UsualVariant& usual) {
    return usual.architecture == architecture && usual.variant == variant;
  });
}

bool is_part(std::string_view text) {
  const auto is_fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  return !text.empty() && std::ranges::all_of(text, is_fine);
}

}  // namespace

bool Platform::is_known() const {
  return !os.empty() && !architecture.empty() && os != "unknown" && architecture != "unknown";
}

std::string Platform::to_string() const {
  std::string text = os + "/" + architecture;
  if (!variant.empty() && !is_usual(architecture, variant)) text.append("/").append(variant);
  return text;
}

Result<Platform> Platform::parse(std::string_view text) {
  const std::size_t first = text.find('/');
  const std::size_t second = first == text.npos ? text.npos : text.find('/', first + 1);
  Platform platform;
  platform.os = text.substr(0, first);
  if (first != text.npos) platform.architecture = text.substr(first + 1, second - first - 1);
  if (second != text.npos) platform.variant = text.substr(second + 1);
  const bool is_fine = is_part(platform.os) && is_part(platform.architecture) &&
                       (second == text.npos || is_part(platform.variant)) && platform.is_known();
  if (!is_fine) {
    return fail(ErrorCode::invalid, "cannot read platform " + quote(text) +
                                        ": wrong form (want OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT, as in "
                                        "linux/amd64)");
  }
  return platform;
}

}  // namespace lifeboat::oci
