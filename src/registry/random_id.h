#pragma once

#include "oci/upload_id.h"

namespace lifeboat::registry {

/// A new upload session's name, from the kernel's random numbers: nobody can guess another client's session.
oci::UploadId random_upload_id();

}  // namespace lifeboat::registry
