#pragma once

#include <string_view>

namespace lifeboat::oci {

/// The User-Agent of our own probe, scrub and `verify`: they look at images and do not use them, so what they get does
/// not count as pulled.
inline constexpr std::string_view kInspectionAgent = "lifeboat-inspector";

}  // namespace lifeboat::oci
