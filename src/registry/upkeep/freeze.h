#pragma once

#include <set>
#include <vector>

#include "base/guarded.h"
#include "base/log.h"
#include "meta/store.h"
#include "oci/repository.h"
#include "sys/clock.h"
#include "sys/metrics.h"

namespace lifeboat::registry {

/// Which hosts cannot be asked now. What is held of such a host is frozen: nothing of it expires, is evicted or is
/// collected until it can be asked again: whoever removes anything asks is_frozen(). Both ends are logged, and
/// `lifeboat_upstream_frozen` shows it. Any thread.
class Freeze {
 public:
  Freeze(meta::Store& names, sys::Clock& clock, sys::Metrics& metrics, Log& log);

  struct Host {
    oci::RegistryHost host;
    bool can_be_asked = true;
  };
  /// `hosts`: all there are; true when one has changed, so that what was prepared for it has to be decided anew. The
  /// end of a freeze hurries the captures that waited for it.
  bool look(const std::vector<Host>& hosts);
  bool is_frozen(const oci::RegistryHost& host) const;

 private:
  void show(const oci::RegistryHost& host, bool is_frozen);

  meta::Store& names_;
  sys::Clock& clock_;
  sys::Metrics& metrics_;
  Log& log_;
  Guarded<std::set<oci::RegistryHost>> frozen_;
};

}  // namespace lifeboat::registry
