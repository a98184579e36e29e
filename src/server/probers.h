#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "http/status_report.h"
#include "meta/store.h"
#include "registry/upkeep/prober.h"
#include "server/config.h"
#include "upstream/inspector.h"

namespace lifeboat::server {

/// The probes of a configuration with their targets. Any thread.
class Probers {
 public:
  struct Parts {
    upstream::RegistryInspector::Parts registry;
    meta::TourIndex& tours;
    sys::Metrics& metrics;
  };
  /// `own_address`: where this process listens, for the target "self". invalid: a target that load_config() refuses.
  static Result<std::unique_ptr<Probers>> build(const Config& config, Parts parts, const std::string& own_address);

  const std::vector<std::unique_ptr<registry::Prober>>& all() const { return probers_; }
  /// In the order of the configuration.
  std::vector<http::ProbeStatus> status() const;

 private:
  Probers() = default;

  std::vector<std::string> targets_;
  std::vector<std::unique_ptr<upstream::RegistryInspector>> inspectors_;
  std::vector<std::unique_ptr<registry::Prober>> probers_;
};

/// Where this process is reached from this machine: "http://127.0.0.1:5000" for ":5000" and "0.0.0.0:5000". Pure.
std::string own_url(const std::string& address, bool has_tls);

}  // namespace lifeboat::server
