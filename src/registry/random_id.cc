#include "registry/random_id.h"

#include <sys/random.h>

#include <array>

#include "base/assert.h"

namespace lifeboat::registry {

oci::UploadId random_upload_id() {
  std::array<std::byte, 16> random{};
  LB_ASSERT(::getrandom(random.data(), random.size(), 0) == static_cast<ssize_t>(random.size()));
  return oci::UploadId::of_random(random);
}

}  // namespace lifeboat::registry
