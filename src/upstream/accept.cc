#include "upstream/accept.h"

#include "oci/media_type.h"

namespace lifeboat::upstream {
namespace {

std::string manifest_accept() {
  std::string accept;
  for (const std::string_view type :
       {oci::kOciManifest, oci::kOciIndex, oci::kDockerManifest, oci::kDockerManifestList}) {
    if (!accept.empty()) accept.append(", ");
    accept.append(type);
  }
  return accept;
}

}  // namespace

std::string accept_of(Wanted wanted) {
  switch (wanted) {
    case Wanted::manifest: return manifest_accept();
    case Wanted::referrers: return std::string(oci::kOciIndex);
    case Wanted::tags:
    case Wanted::token: return "application/json";
    case Wanted::blob: return "*/*";
  }
  return "*/*";
}

}  // namespace lifeboat::upstream
