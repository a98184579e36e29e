#include "registry/upkeep/capture_plan.h"

#include <algorithm>

namespace lifeboat::registry {
namespace {

constexpr Duration kRetryMin = std::chrono::seconds(30);
constexpr Duration kRetryMax = std::chrono::hours(6);
/// The end of an outage hurries what waits for it (upkeep/freeze.h); this is for what nobody tells.
constexpr Duration kOutagePause = std::chrono::minutes(10);
constexpr Duration kCredentialPause = std::chrono::minutes(5);
constexpr Duration kSwitchedOffPause = std::chrono::hours(6);
constexpr Duration kLimitPause = std::chrono::minutes(5);

}  // namespace

std::string PlatformsWanted::to_string() const {
  if (has_all) return "all";
  std::string text;
  for (const std::string& name : names) text.append(text.empty() ? "" : ",").append(name);
  return text;
}

Result<PlatformsWanted> PlatformsWanted::parse(std::string_view text) {
  PlatformsWanted wanted;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view one = text.substr(0, comma);
    text = comma == text.npos ? std::string_view() : text.substr(comma + 1);
    if (one == "all") {
      wanted.has_all = true;
      continue;
    }
    LB_TRY(const oci::Platform platform, oci::Platform::parse(one));
    wanted.names.insert(platform.to_string());
  }
  return wanted;
}

void PlatformsWanted::add(const PlatformsWanted& other) {
  has_all |= other.has_all;
  names.insert(other.names.begin(), other.names.end());
}

std::string own_platform() {
#if defined(__x86_64__)
  return "linux/amd64";
#elif defined(__aarch64__)
  return "linux/arm64";
#elif defined(__arm__)
  return "linux/arm";
#elif defined(__powerpc64__)
  return "linux/ppc64le";
#elif defined(__s390x__)
  return "linux/s390x";
#elif defined(__riscv)
  return "linux/riscv64";
#else
#error "which architecture is this, in the words of OCI's image-spec?"
#endif
}

std::vector<oci::Descriptor> children_wanted(const oci::Manifest& index, const PlatformsWanted& wanted) {
  std::vector<oci::Descriptor> children;
  for (const oci::Descriptor& child : index.manifests) {
    const bool is_program = child.platform.is_known();
    if (!is_program || wanted.has_all || wanted.names.contains(child.platform.to_string())) children.push_back(child);
  }
  return children;
}

std::vector<oci::Descriptor> blobs_wanted(const oci::Manifest& manifest) {
  std::vector<oci::Descriptor> blobs;
  if (manifest.config && !manifest.config->is_optional) blobs.push_back(*manifest.config);
  std::ranges::copy_if(manifest.layers, std::back_inserter(blobs),
                       [](const oci::Descriptor& layer) { return !layer.is_optional; });
  return blobs;
}

bool is_final(ErrorCode code) {
  return code == ErrorCode::not_found || code == ErrorCode::corrupt || code == ErrorCode::invalid;
}

CaptureRetry retry_of(ErrorCode code, uint32_t failures, bool can_be_asked) {
  if (code == ErrorCode::too_many) return {kLimitPause, false};
  if (code == ErrorCode::cancelled) return {Duration(0), false};  // the process ends: the next one takes it up
  if (code == ErrorCode::unsupported) return {kSwitchedOffPause, false};
  if (code == ErrorCode::unauthorized || code == ErrorCode::denied) {
    // A login is mended by people, who then want to see it work.
    return {std::min(kCredentialPause, kRetryMin * (int64_t{1} << std::min<uint32_t>(failures, 16))), true};
  }
  const bool is_outage = code == ErrorCode::unavailable || code == ErrorCode::timed_out;
  if (is_outage && !can_be_asked) return {kOutagePause, false};
  const int doublings = static_cast<int>(std::min<uint32_t>(failures, 16));
  return {std::min(kRetryMax, kRetryMin * (int64_t{1} << doublings)), true};
}

std::vector<oci::Tag> signature_tags_of(const oci::Digest& digest) {
  std::vector<oci::Tag> tags;
  for (const std::string_view ending : {".sig", ".att", ".sbom"}) {
    auto tag = oci::Tag::parse(std::string(digest.algorithm_name()) + "-" + digest.hex() + std::string(ending));
    if (tag) tags.push_back(std::move(*tag));
  }
  return tags;
}

}  // namespace lifeboat::registry
