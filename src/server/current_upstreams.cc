#include "server/current_upstreams.h"

#include <utility>

namespace lifeboat::server {

void CurrentUpstreams::adopt(const std::shared_ptr<Upstreams>& fresh) {
  known_.with([&](auto& all) { all.push_back(fresh); });
  serve_(std::shared_ptr<const registry::UpstreamHosts>(fresh, &fresh->hosts()));
}

std::vector<std::shared_ptr<Upstreams>> CurrentUpstreams::in_use() {
  std::vector<std::shared_ptr<Upstreams>> in_use;
  known_.with([&](auto& all) {
    std::erase_if(all, [](const auto& one) { return one.expired(); });
    for (const auto& one : all) {
      if (auto kept = one.lock()) in_use.push_back(std::move(kept));
    }
  });
  return in_use;
}

std::shared_ptr<const Upstreams> CurrentUpstreams::now() {
  return known_.with([](const auto& all) { return all.back().lock(); });
}

}  // namespace lifeboat::server
