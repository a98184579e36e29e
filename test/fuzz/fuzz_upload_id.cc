#include <algorithm>
#include <array>

#include "fuzz.h"
#include "oci/upload_id.h"

using namespace lifeboat;

LB_FUZZ(text) {
  fuzz::check_identity<oci::UploadId>(text);
  std::array<std::byte, 16> random{};
  std::ranges::copy(as_bytes(text.substr(0, random.size())), random.begin());
  const oci::UploadId id = oci::UploadId::of_random(random);
  LB_ASSERT(oci::UploadId::parse(id.to_string()) == id);
}
