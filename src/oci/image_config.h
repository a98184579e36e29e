#pragma once

#include <optional>
#include <string_view>

#include "base/error.h"
#include "oci/media_type.h"
#include "oci/platform.h"

namespace lifeboat::oci {

/// True for the config of something that runs (OCI's and Docker's), not for that of an artifact.
bool is_image_config(const MediaType& type);

/// What an image's config says it runs on (OCI image-spec config.md); nothing when it says none. Memory is bounded by
/// the longest text in it, however deep it nests. invalid: it is no JSON object, or says it in no text.
Result<std::optional<Platform>> platform_of_config(std::string_view json);

}  // namespace lifeboat::oci
