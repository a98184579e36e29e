#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "meta/store.h"

namespace lifeboat::http {

/// Whether requests are sent to an endpoint (upstream/health.h): closed: yes; open: not before a probe was answered;
/// half_open: that probe is under way.
enum class BreakerState { closed, half_open, open };
std::string_view to_string(BreakerState state);

struct EndpointStatus {
  std::string name;  ///< "mirror.example:8443/prefix"
  BreakerState state = BreakerState::closed;
  friend bool operator==(const EndpointStatus&, const EndpointStatus&) = default;
};

struct HostStatus {
  std::string host;
  bool is_default = false;                  ///< what a request without a host means
  std::vector<EndpointStatus> endpoints{};  ///< in the order they are asked
  friend bool operator==(const HostStatus&, const HostStatus&) = default;
};

/// A node at a glance.
struct StatusReport {
  std::string version;
  std::chrono::seconds uptime{};
  std::string address;            ///< where it listens: "127.0.0.1:5000"
  std::string data;               ///< the data directory
  std::vector<HostStatus> hosts;  ///< in the order of the configuration
  std::size_t fetches = 0;        ///< blobs on their way from upstreams now
  /// What is held, or why the store did not say.
  std::expected<meta::StoreTotals, std::string> store;
};

/// Who knows it, handed to the API by the composition root. Any thread; costs no I/O.
class NodeStatus {
 public:
  virtual ~NodeStatus() = default;
  /// All but `store`.
  virtual StatusReport report() const = 0;
};

/// The answer of `GET /api/v1/status`, as doc/reference/openapi.yaml has it.
std::string render_status(const StatusReport& report);
/// Members that are not known are passed over, so that a newer server can be asked. invalid: it is no status.
Result<StatusReport> parse_status(std::string_view json);

}  // namespace lifeboat::http
