#include "registry/holdings.h"

#include <algorithm>
#include <utility>

#include "oci/manifest.h"
#include "registry/held_manifest.h"

namespace lifeboat::registry {
namespace {

/// Indexes of indexes are rare, and this deep they are an attack.
constexpr int kDepthMax = 4;

/// A child that nothing can run (an attestation) keeps nobody from pulling.
bool is_pullable(const std::vector<Holding::Child>& children) {
  bool has_program = false;
  for (const Holding::Child& child : children) {
    if (child.platform.empty()) continue;
    if (child.is_whole) return true;
    has_program = true;
  }
  return !has_program && std::ranges::all_of(children, &Holding::Child::is_whole);
}

}  // namespace

Task<Holding> Holdings::of(Call call, oci::RepositoryId repository, oci::Digest digest) {
  Seen seen;
  co_return co_await walk(std::move(call), std::move(repository), digest, 0, Extent::all, seen);
}

Task<bool> Holdings::can_be_pulled(Call call, oci::RepositoryId repository, oci::Digest digest) {
  Seen seen;
  LB_CO_TRY(const Holding holding,
            co_await walk(std::move(call), std::move(repository), digest, 0, Extent::until_pullable, seen));
  co_return holding.is_pullable;
}

Task<Holding> Holdings::walk(Call call, oci::RepositoryId repository, oci::Digest digest, int depth, Extent extent,
                             Seen& seen) {
  auto held = co_await read_held_manifest(call, blobs_, names_, repository, digest);
  if (!held) {
    const bool is_absent = held.error().code() == ErrorCode::not_found || held.error().code() == ErrorCode::corrupt;
    if (is_absent) co_return Holding{};
    co_return std::unexpected(std::move(held).error());
  }
  Holding holding{.is_here = true, .is_whole = false, .is_pullable = false, .children = {}, .missing = {}};
  const auto manifest = oci::Manifest::parse(as_bytes(held->bytes), held->record.media_type);
  if (!manifest || depth > kDepthMax) co_return holding;

  if (manifest->is_index()) {
    for (const oci::Descriptor& child : manifest->manifests) {
      auto known = seen.find(child.digest);
      if (known == seen.end()) {
        LB_CO_TRY(const Holding below, co_await walk(call, repository, child.digest, depth + 1, Extent::all, seen));
        known = seen.emplace(child.digest, below.is_whole).first;
      }
      const bool is_program = child.platform.is_known();
      holding.children.push_back(
          {child.digest, is_program ? child.platform.to_string() : std::string(), known->second});
      if (extent == Extent::until_pullable && is_program && known->second) {
        holding.is_pullable = true;
        co_return holding;
      }
    }
    holding.is_whole = std::ranges::all_of(holding.children, &Holding::Child::is_whole);
    holding.is_pullable = is_pullable(holding.children);
    co_return holding;
  }
  std::vector<oci::Digest> wanted;
  if (manifest->config && !manifest->config->is_optional) wanted.push_back(manifest->config->digest);
  for (const oci::Descriptor& layer : manifest->layers) {
    if (!layer.is_optional) wanted.push_back(layer.digest);
  }
  LB_CO_TRY(holding.missing, co_await names_.blobs().missing(call, repository, std::move(wanted)));
  holding.is_whole = holding.missing.empty();
  holding.is_pullable = holding.is_whole;
  co_return holding;
}

}  // namespace lifeboat::registry
