#pragma once

#include <optional>
#include <string_view>

#include "base/time.h"

namespace lifeboat::upstream {

/// When a secret says that it expires, as far as it says so itself: the `exp` of a JWT (RFC 7519 §4.1.4), or the
/// `expiration` in a password of Amazon's ECR. Nothing is verified: it is for people, as a warning. The lifetime of a
/// token that was exchanged for the secret is not it.
std::optional<WallTime> expiry_of_secret(std::string_view secret);

}  // namespace lifeboat::upstream
