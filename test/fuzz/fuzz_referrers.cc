#include <string>

#include "fuzz.h"
#include "oci/manifest.h"

using namespace lifeboat;

LB_FUZZ(text) {
  if (const auto referrers = oci::parse_referrers(as_bytes(text))) {
    const std::string rendered = oci::render_referrers(*referrers);
    const auto again = oci::parse_referrers(as_bytes(rendered));
    LB_ASSERT(again.has_value() && again->size() == referrers->size());
    LB_ASSERT(oci::render_referrers(*again) == rendered);
    for (std::size_t i = 0; i < again->size(); ++i) {
      LB_ASSERT((*again)[i].digest == (*referrers)[i].digest);
      LB_ASSERT((*again)[i].artifact_type == (*referrers)[i].artifact_type);
      LB_ASSERT((*again)[i].annotations_json == (*referrers)[i].annotations_json);
    }
  }
  // Whatever a row holds, the answer stays one that can be read.
  const oci::Referrer hostile{.digest = oci::Digest::of(HashAlgorithm::sha256, {}),
                              .media_type = "a/b",
                              .size_bytes = 1,
                              .artifact_type = std::string(text),
                              .annotations_json = std::string(text)};
  const auto answer = oci::parse_referrers(as_bytes(oci::render_referrers({hostile, hostile})));
  LB_ASSERT(answer.has_value() && answer->size() == 2);
}
