#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/guarded.h"
#include "base/log.h"
#include "oci/host_pattern.h"
#include "registry/upstream_host.h"
#include "server/config.h"

namespace lifeboat::server {

/// The upstreams of the host `*`: one for each host that its `allow` permits, made when it is first asked for and kept.
/// Clients choose the hosts, so there is a most; beyond it, and where a host's configuration makes no upstream, there
/// is one that fails with `unavailable` and says why: what is held of such a host is served on.
class HostsOnDemand final : public registry::HostsOnDemand {
 public:
  static constexpr std::size_t kHostsMax = 1000;
  /// Makes the upstream of one host; called with a lock held, so it must not wait.
  using Make = std::function<Result<registry::UpstreamHost>(const UpstreamConfig&)>;

  /// invalid: an entry of `allow` is no pattern.
  static Result<std::unique_ptr<HostsOnDemand>> create(UpstreamConfig any, Make make, Log& log);
  ~HostsOnDemand() override;

  bool allows(const oci::RegistryHost& host) const override;
  const registry::UpstreamHost* find(const oci::RegistryHost& host) override;

 private:
  class Refusal;
  /// By host; what was given out stays where it is.
  struct Made {
    std::map<oci::RegistryHost, registry::UpstreamHost> hosts;
    std::vector<std::unique_ptr<Refusal>> refusals;
    std::unique_ptr<registry::UpstreamHost> beyond_max;
  };
  HostsOnDemand(UpstreamConfig any, std::vector<oci::HostPattern> allow, Make make, Log& log);
  registry::UpstreamHost make(Made& made, const oci::RegistryHost& host);
  static registry::UpstreamHost refuse(Made& made, const oci::RegistryHost& host, std::string reason);

  // constant after construction
  const UpstreamConfig any_;
  const std::vector<oci::HostPattern> allow_;
  const Make make_;
  Log& log_;

  Guarded<Made> made_;
};

}  // namespace lifeboat::server
