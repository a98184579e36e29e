#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "http/status_report.h"
#include "registry/blob_fetch.h"
#include "sys/clock.h"
#include "upstream/source.h"

namespace lifeboat::server {

/// One upstream as it is shown: its endpoints, in the order they are asked.
struct ShownHost {
  std::string host;
  bool is_default = false;  ///< what a request without a host means
  std::vector<const upstream::RegistrySource*> endpoints;
};

/// The running process for the API.
class NodeStatus final : public http::NodeStatus {
 public:
  using Hosts = std::shared_ptr<const std::vector<ShownHost>>;  ///< keeps alive what they point to
  struct Parts {
    const sys::Clock& clock;
    const registry::BlobFetches& fetches;
    std::function<Hosts()> hosts;  ///< those in force now; any thread
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
