#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/call.h"
#include "base/guarded.h"
#include "base/task.h"
#include "meta/store.h"
#include "oci/full_reference.h"
#include "oci/repository_id.h"
#include "registry/upstream_host.h"

namespace lifeboat::registry {

/// Which repository a request means (W85, W86). Three addressings at once: `?ns=<host>` as containerd mirrors ask, a
/// path prefix `<host>/<name>`, and neither, which is a repository hosted here or the default host's.
class Addressing {
 public:
  enum class Purpose {
    manifest,  ///< GET or HEAD of a manifest
    presence,  ///< HEAD of a blob: who pushes asks so whether it need be sent
    content,   ///< any other read
    write,     ///< push or delete
  };
  struct Address {
    std::string_view name;               ///< percent-decoded, not yet checked
    std::optional<std::string_view> ns;  ///< the query's `ns`
  };

  Addressing(meta::Store& names, std::shared_ptr<const UpstreamHosts> hosts);

  /// invalid: the name breaks the grammar. not_found: `ns` names a host that is not configured (the client then falls
  /// through to it; the host is a key, never an address to dial). unsupported: a write to an upstream's repository
  /// (W93).
  Task<oci::RepositoryId> locate(Call call, Address address, Purpose purpose) const;

  /// What a reference as people write it means.
  struct Meaning {
    enum class By {
      host,          ///< it names an upstream's host
      hosted,        ///< a repository of this name is hosted here, or no host is the default
      default_host,  ///< it names no host
    };
    oci::RepositoryId repository;
    By by = By::hosted;
  };
  /// not_found: it names a host that is not configured, and no repository of this name is hosted here.
  Task<Meaning> meaning_of(Call call, oci::FullReference reference) const;

  /// The upstream of such a repository; null for a hosted one, and for a host that is no longer configured. The pointer
  /// is good as long as the returned hosts are kept.
  std::shared_ptr<const UpstreamHosts> hosts() const;
  /// Takes effect for the next request.
  void replace_hosts(std::shared_ptr<const UpstreamHosts> hosts);

 private:
  meta::Store& names_;
  Guarded<std::shared_ptr<const UpstreamHosts>> hosts_;
};

}  // namespace lifeboat::registry
