#include "fuzz.h"
#include "oci/digest.h"

using namespace lifeboat;

LB_FUZZ(text) {
  fuzz::check_identity<oci::Digest>(text);
  const oci::Digest digest = oci::Digest::of(HashAlgorithm::sha256, as_bytes(text));
  LB_ASSERT(oci::Digest::parse(digest.to_string()) == digest);
}
