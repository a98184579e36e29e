#include "registry/upkeep/eviction.h"

#include <iterator>
#include <tuple>
#include <utility>

namespace lifeboat::registry {

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
