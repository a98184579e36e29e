#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "base/log.h"
#include "http/status_report.h"
#include "meta/store.h"
#include "registry/upkeep/prober.h"
#include "server/config.h"
#include "sys/event_loops.h"
#include "upstream/endpoint.h"
#include "upstream/inspector.h"

namespace lifeboat::server {

/// The probes of a configuration with their targets, and what becomes of them when it changes. Any thread.
class Probers {
 public:
  struct Parts {
    upstream::RegistryInspector::Parts registry;
    meta::TourIndex& tours;
    sys::Metrics& metrics;
    sys::EventLoops&
        loops;  ///< probes run on them; nobody waits for them: a tour that is cut goes on at the next start
  };
  /// `own_url`: where this process is reached, for the target "self".
  Probers(Parts parts, std::string own_url);
  ~Probers();

  struct Planned {
    ProbeConfig config;
    std::optional<ProbeConfig> compared{};  ///< what it is compared with
    upstream::Endpoint endpoint;
  };
  using Plan = std::vector<Planned>;
  /// Changes nothing yet. invalid: a target that load_config() refuses.
  Result<Plan> plan(const Config& config) const;
  /// From now on these run. One that stays as it was is not disturbed; one that has changed goes on where it was, once
  /// the one before it has stopped; one that is named no more stops, and so do its metrics. One at a time.
  void follow(Plan plan);

  /// In the order of the configuration.
  std::vector<http::ProbeStatus> status() const;

 private:
  struct Probe;
  using Probes = std::vector<std::shared_ptr<Probe>>;
  struct Known {
    Probes now{};
    Probes leaving{};  ///< named no more, until they have stopped: what is named again goes on behind them
  };
  static Awaitable<void> run(std::shared_ptr<Probe> probe, std::shared_ptr<Probe> before);
  std::shared_ptr<Probe> make(const Planned& planned, std::shared_ptr<upstream::RegistryInspector> target,
                              std::shared_ptr<upstream::RegistryInspector> other, bool is_successor) const;

  // constant after construction
  const Parts parts_;
  const std::string own_url_;

  Guarded<Known> probes_;
};

/// Where this process is reached from this machine: "http://127.0.0.1:5000" for ":5000" and "0.0.0.0:5000". Pure.
std::string own_url(const std::string& address, bool has_tls);

}  // namespace lifeboat::server
