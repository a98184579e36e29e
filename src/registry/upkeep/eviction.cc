#include "registry/upkeep/eviction.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <tuple>
#include <utility>

namespace lifeboat::registry {
namespace {

using Used = std::pair<oci::Digest, WallTime>;

}  // namespace

void Witnesses::consider(const meta::CachedImage& image) {
  auto& latest = latest_[image.repository];
  latest[image.root] = image.used;
  if (latest.size() > kEach)
    latest.erase(std::ranges::min_element(latest, {}, [](const auto& one) { return one.second; }));
}

std::vector<oci::Digest> Witnesses::of(const oci::RepositoryId& repository) const {
  const auto found = latest_.find(repository);
  if (found == latest_.end()) return {};
  std::vector<Used> latest(found->second.begin(), found->second.end());
  std::ranges::sort(latest, std::ranges::greater(), &Used::second);
  std::vector<oci::Digest> digests;
  digests.reserve(latest.size());
  for (const Used& one : latest) digests.push_back(one.first);
  return digests;
}

bool EvictionOrder::Before::operator()(const meta::CachedImage& one, const meta::CachedImage& other) const {
  return std::tie(one.used, one.repository, one.root) < std::tie(other.used, other.repository, other.root);
}

void EvictionOrder::consider(meta::CachedImage image, Standing standing) {
  if (image.repository.is_hosted()) return;
  if (image.is_pinned || standing == Standing::wanted) {
    ++pinned_;
  } else if (standing == Standing::frozen) {
    ++frozen_;
  } else if (age_.is_in_use(image.used)) {
    ++in_use_;
  } else {
    first_.insert(std::move(image));
    if (first_.size() <= max_) return;
    first_.erase(std::prev(first_.end()));
    has_more_ = true;
  }
}

std::vector<meta::CachedImage> EvictionOrder::oldest_first() const { return {first_.begin(), first_.end()}; }

}  // namespace lifeboat::registry
