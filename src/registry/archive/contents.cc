#include "registry/archive/contents.h"

#include <algorithm>
#include <utility>

#include "registry/verify/graph.h"

namespace lifeboat::registry::archive {
namespace {

/// Of one archive. An index of every platform and its attestations has dozens.
constexpr std::size_t kManifestsMax = 4096;
constexpr std::string_view kFirstChoice = "linux/amd64";

std::unexpected<Error> two_sizes(const oci::Digest& digest, uint64_t got, uint64_t want) {
  return fail(ErrorCode::corrupt, "cannot use content '" + digest.to_string() +
                                      "': it is named with two lengths (got " + std::to_string(got) + ", want " +
                                      std::to_string(want) + ")");
}

bool is_image(const oci::Manifest& manifest) {
  if (manifest.is_index() || !manifest.config) return false;
  const std::string& type = manifest.config->media_type.to_string();
  return type == "application/vnd.oci.image.config.v1+json" || type == "application/vnd.docker.container.image.v1+json";
}

}  // namespace

void Contents::add(oci::FullReference name, const oci::Digest& digest) {
  const bool is_known = std::ranges::any_of(roots_, [&](const Root& root) { return root.name == name; });
  if (is_known) return;
  roots_.push_back({std::move(name), digest});
  (void)want_manifest(digest, std::nullopt);
}

std::vector<oci::Digest> Contents::take_wanted() { return std::exchange(wanted_, {}); }

Status Contents::want_manifest(const oci::Digest& digest, std::optional<uint64_t> size_bytes) {
  const auto [at, is_new] = manifest_sizes_.try_emplace(digest, size_bytes);
  if (is_new) {
    wanted_.push_back(digest);
  } else if (size_bytes && at->second && *size_bytes != *at->second) {
    return two_sizes(digest, *size_bytes, *at->second);
  } else if (size_bytes) {
    at->second = size_bytes;
  }
  const Held* held = find(digest);
  if (held != nullptr && size_bytes && held->bytes.size() != *size_bytes) {
    return two_sizes(digest, *size_bytes, held->bytes.size());
  }
  if (manifest_sizes_.size() <= kManifestsMax) return {};
  return fail(ErrorCode::too_many, "cannot save manifest '" + digest.to_string() + "': more than " +
                                       std::to_string(kManifestsMax) + " are named");
}

Status Contents::want_blob(const oci::Digest& digest, uint64_t size_bytes) {
  const auto [at, is_new] = blob_sizes_.try_emplace(digest, size_bytes);
  if (is_new) blobs_.push_back({digest, size_bytes});
  if (at->second != size_bytes) return two_sizes(digest, size_bytes, at->second);
  return {};
}

Status Contents::came(const oci::Digest& digest, std::string bytes, std::string_view content_type) {
  const auto refuse = [&](ErrorCode code, const std::string& reason) {
    return fail(code, "cannot save manifest '" + digest.to_string() + "': " + reason);
  };
  const oci::Digest actual = oci::Digest::of(digest.algorithm(), as_bytes(bytes));
  if (actual != digest) return refuse(ErrorCode::corrupt, "its bytes are others (got " + actual.to_string() + ")");
  if (const auto size = manifest_sizes_[digest]; size && *size != bytes.size()) {
    return two_sizes(digest, bytes.size(), *size);
  }
  auto manifest = oci::Manifest::parse(as_bytes(bytes), content_type);
  if (!manifest) return refuse(ErrorCode::invalid, manifest.error().message());
  const verify::Plan plan = verify::plan_of(*manifest, platforms_);
  if (!plan.faults.empty()) return refuse(ErrorCode::invalid, plan.faults.front().detail);
  for (const verify::Edge& edge : plan.edges) {
    if (edge.is_manifest()) {
      LB_CHECK(want_manifest(edge.digest, edge.size_bytes));
    } else {
      LB_CHECK(want_blob(edge.digest, edge.size_bytes.value_or(0)));
    }
  }
  held_.push_back({digest, std::move(bytes), std::move(*manifest)});
  return {};
}

const Contents::Held* Contents::find(const oci::Digest& digest) const {
  const auto found = std::ranges::find(held_, digest, &Held::digest);
  return found == held_.end() ? nullptr : &*found;
}

const Contents::Held* Contents::image_of(const oci::Digest& digest) const {
  std::map<oci::Digest, const Held*> known;
  return image_below(digest, 0, known);
}

/// Each manifest once: an index may list the same child many times, and that one again.
const Contents::Held* Contents::image_below(const oci::Digest& digest, std::size_t level,
                                            std::map<oci::Digest, const Held*>& known) const {
  if (level > verify::kDepthMax) return nullptr;
  if (const auto before = known.find(digest); before != known.end()) return before->second;
  const Held* held = find(digest);
  if (held == nullptr || !held->manifest.is_index()) {
    return known[digest] = held != nullptr && is_image(held->manifest) ? held : nullptr;
  }
  const Held* first = nullptr;
  for (const oci::Descriptor& child : held->manifest.manifests) {
    const bool is_attestation = !child.platform.is_known() && !child.media_type.is_index();
    const Held* image = is_attestation ? nullptr : image_below(child.digest, level + 1, known);
    if (image == nullptr) continue;
    if (first == nullptr) first = image;
    if (child.platform.to_string() != kFirstChoice) continue;
    first = image;
    break;
  }
  return known[digest] = first;
}

}  // namespace lifeboat::registry::archive
