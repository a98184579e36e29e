#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "http/status_report.h"
#include "registry/blob_fetch.h"
#include "registry/upkeep/freeze.h"
#include "server/upstreams.h"
#include "sys/clock.h"

namespace lifeboat::server {

/// The running process for the API.
class NodeStatus final : public http::NodeStatus {
 public:
  struct Parts {
    const sys::Clock& clock;
    const registry::BlobFetches& fetches;
    const registry::Freeze& freeze;
    std::function<std::vector<http::ProbeStatus>()> probes;       ///< any thread
    std::function<std::shared_ptr<const Upstreams>()> upstreams;  ///< those in force now; any thread
    std::string data;
  };
  explicit NodeStatus(Parts parts);

  /// Before anything is served.
  void set_address(std::string address) { address_ = std::move(address); }
  http::StatusReport report() const override;

 private:
  const Parts parts_;
  const SteadyTime started_;
  std::string address_;
};

}  // namespace lifeboat::server
