#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "blob/source.h"
#include "oci/reference_pattern.h"
#include "oci/repository.h"

namespace lifeboat::registry {

/// How long what an upstream said about a tag is believed, and what its silence may cost.
struct FreshnessPolicy {
  Duration fresh_for{std::chrono::seconds(60)};         ///< a tag confirmed within this is served without asking
  std::optional<Duration> max_stale{};                  ///< nothing: a held tag is served however old
  Duration revalidate_within{std::chrono::seconds(1)};  ///< with a copy in hand, nobody waits longer than this
  bool drops_gone = false;                          ///< a tag that the upstream has no more is forgotten, not served on
  bool serves_on_credential_fault = true;           ///< a held tag, while the upstream refuses our credentials
  Duration not_found_for{std::chrono::seconds(5)};  ///< "no such tag" from the upstream is not asked for again

  friend bool operator==(const FreshnessPolicy&, const FreshnessPolicy&) = default;
};

/// What differs from an upstream's policy for some of its repositories and tags; nothing: it does not.
struct FreshnessRule {
  oci::ReferencePattern match;
  std::optional<Duration> fresh_for{};
  std::optional<std::optional<Duration>> max_stale{};
  std::optional<Duration> revalidate_within{};
  std::optional<bool> drops_gone{};
  std::optional<bool> serves_on_credential_fault{};
  std::optional<Duration> not_found_for{};
};

/// What is fetched in the background of a manifest that came from an upstream, so that it can be pulled whole later.
struct CapturePolicy {
  bool is_on = false;
  bool has_all_platforms = false;        ///< of an index: all children, not only those that somebody pulls
  std::vector<std::string> platforms{};  ///< and these ("linux/arm64"), whether somebody pulls them or not
  bool has_referrers = true;             ///< signatures and attestations as well
};

/// One upstream registry as the registry sees it: a name and a source. The source is owned by the composition root.
struct UpstreamHost {
  oci::RegistryHost host;
  blob::Source* source = nullptr;
  FreshnessPolicy freshness;
  std::vector<FreshnessRule> rules{};  ///< the first that fits counts (freshness_rules.h)
  CapturePolicy capture{};
};

/// The upstreams of hosts that nobody named, made when they are first asked for (`host = "*"`). Any thread.
class HostsOnDemand {
 public:
  virtual ~HostsOnDemand() = default;
  /// Whether it has one for this host. Makes nothing: a request that only names a host costs nothing.
  virtual bool allows(const oci::RegistryHost& host) const = 0;
  /// Null: it is not allowed. Else the same one every time, good as long as this is; where none can be made, one whose
  /// source says why.
  virtual const UpstreamHost* find(const oci::RegistryHost& host) = 0;
};

/// What a request without a host means when nothing of that name is hosted here.
struct DefaultHost {
  oci::RegistryHost host;
  /// True when the operator named it (`--upstream URL`, `default_host`): every read goes there, but for a HEAD of a
  /// blob in a repository nothing is known of, with which a push begins. False for the built-in meaning (Docker Hub,
  /// for a Docker daemon's mirror mode): then only manifests do, and what belongs to a repository that came from there
  /// already, so that pushing a new repository never depends on an upstream.
  bool is_explicit = false;
};

/// The upstreams this process serves. Fixed between reloads, but for what is made on demand.
struct UpstreamHosts {
  std::vector<UpstreamHost> hosts;
  std::optional<DefaultHost> default_host;
  HostsOnDemand* on_demand = nullptr;  ///< for every other host; not owned

  bool contains(const oci::RegistryHost& host) const {
    return find_named(host) != nullptr || (on_demand != nullptr && on_demand->allows(host));
  }
  /// Named in the configuration, not one of those that clients name.
  bool is_named(const oci::RegistryHost& host) const { return find_named(host) != nullptr; }
  /// Null: not one of them. What goes to the upstream asks so; who only wants to know asks contains().
  const UpstreamHost* find(const oci::RegistryHost& host) const {
    const UpstreamHost* named = find_named(host);
    return named != nullptr || on_demand == nullptr ? named : on_demand->find(host);
  }

 private:
  const UpstreamHost* find_named(const oci::RegistryHost& host) const {
    for (const UpstreamHost& candidate : hosts) {
      if (candidate.host == host) return &candidate;
    }
    return nullptr;
  }
};

}  // namespace lifeboat::registry
