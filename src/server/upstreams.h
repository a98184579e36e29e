#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/guarded.h"
#include "registry/upstream_host.h"
#include "server/config.h"
#include "server/hosts_on_demand.h"
#include "upstream/source.h"
#include "upstream/upstream.h"

namespace lifeboat::server {

/// The upstreams of one configuration with all they own: made of it, kept alive by whoever still asks them after a
/// reload has put others in their place. Any thread.
class Upstreams {
 public:
  /// invalid: what no check of the settings could find, such as an address that is none.
  /// An endpoint of which nothing differs from one of `in_use` goes on with that one's source: what it knows (that the
  /// endpoint is down, a token, a rate limit) is not to be found out again at a client's cost.
  static Result<std::shared_ptr<Upstreams>> build(const Config& config, const upstream::RegistrySource::Parts& parts,
                                                  const std::vector<std::shared_ptr<Upstreams>>& in_use);

  /// As requests see them.
  const registry::UpstreamHosts& hosts() const { return hosts_; }

  /// One of them, with its endpoints in the order they are asked.
  struct Host {
    oci::RegistryHost host;
    bool is_default = false;  ///< what a request without a host means
    std::shared_ptr<const upstream::Upstream> upstream{};
    std::vector<std::shared_ptr<upstream::RegistrySource>> endpoints{};
  };
  /// Those made on demand so far as well.
  std::vector<Host> all() const;

 private:
  explicit Upstreams(const upstream::RegistrySource::Parts& parts) : parts_(parts) {}
  Result<std::shared_ptr<upstream::RegistrySource>> source_of(const EndpointConfig& endpoint,
                                                              const UpstreamConfig& config) const;
  Result<registry::UpstreamHost> make(const UpstreamConfig& config);
  Status add(const UpstreamConfig& config);
  Status choose_default(const Config& config);

  const upstream::RegistrySource::Parts parts_;
  std::vector<Host> kept_;  ///< of those before
  registry::UpstreamHosts hosts_;
  Guarded<std::vector<Host>> made_;
  std::unique_ptr<HostsOnDemand> on_demand_;
};

}  // namespace lifeboat::server
