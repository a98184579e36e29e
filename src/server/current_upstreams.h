#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/guarded.h"
#include "registry/upstream_host.h"
#include "server/upstreams.h"

namespace lifeboat::server {

/// The upstreams of now, and those of before a reload while a transfer still uses them. Who serves requests keeps those
/// of now alive. Any thread.
class CurrentUpstreams {
 public:
  /// `serve`: from then on requests ask these, and nobody keeps those of before for it.
  explicit CurrentUpstreams(std::function<void(std::shared_ptr<const registry::UpstreamHosts>)> serve)
      : serve_(std::move(serve)) {}

  /// For the next request, and for who probes. Known here before they serve: those of before may die at that moment,
  /// and who probes must find the ones that requests wait for.
  void adopt(const std::shared_ptr<Upstreams>& fresh);
  /// Those of before that are still used, then those of now.
  std::vector<std::shared_ptr<Upstreams>> in_use();
  /// Those adopted last. Not before the first.
  std::shared_ptr<const Upstreams> now();

 private:
  const std::function<void(std::shared_ptr<const registry::UpstreamHosts>)> serve_;
  Guarded<std::vector<std::weak_ptr<Upstreams>>> known_;
};

}  // namespace lifeboat::server
