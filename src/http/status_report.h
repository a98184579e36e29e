#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "http/scrub_report.h"
#include "meta/store.h"

namespace lifeboat::http {

/// Whether requests are sent to an endpoint (upstream/health.h): closed: yes; open: not before a probe was answered;
/// half_open: that probe is under way.
enum class BreakerState { closed, half_open, open };
std::string_view to_string(BreakerState state);

struct EndpointStatus {
  std::string name;  ///< "mirror.example:8443/prefix"
  BreakerState state = BreakerState::closed;
  std::string reason{};                               ///< why it is not closed, or a rate limit; "" for no fault
  std::optional<std::chrono::seconds> probe_in{};     ///< of what is not closed
  std::optional<std::chrono::seconds> limited_for{};  ///< it asked not to be asked so long
  std::string login{};                                ///< "" not tried, "works", "rejected", "cannot_tell"
  friend bool operator==(const EndpointStatus&, const EndpointStatus&) = default;
};

struct HostStatus {
  std::string host;
  bool is_default = false;                  ///< what a request without a host means
  std::vector<EndpointStatus> endpoints{};  ///< in the order they are asked
  bool is_frozen = false;                   ///< none can be asked: nothing of it is removed
  friend bool operator==(const HostStatus&, const HostStatus&) = default;
};

/// What is completed in the background.
struct CaptureTotals {
  uint64_t running = 0;
  uint64_t waiting = 0;
  uint64_t failing = 0;
  std::string worst{};  ///< of these: "<repository>@<digest>"
  std::string worst_error{};
  friend bool operator==(const CaptureTotals&, const CaptureTotals&) = default;
};

/// A registry whose tags are proved to be whole again and again.
struct ProbeStatus {
  std::string name;
  std::string target;  ///< "registry.example:5000", or "self"
  bool is_running = false;
  bool is_accessible = true;  ///< the names of its repositories can be had
  std::string last_run{};     ///< when a whole tour ended last, RFC 3339; "": none has
  uint64_t repositories = 0;  ///< of that tour
  uint64_t tags = 0;
  uint64_t broken = 0;               ///< tags that cannot be pulled whole
  uint64_t diverging = 0;            ///< tags that another registry has otherwise
  std::vector<std::string> first{};  ///< of these: "team/app:1.0: missing, layer …"
  std::string error{};               ///< why the tour under way does not go on
  friend bool operator==(const ProbeStatus&, const ProbeStatus&) = default;
};

/// Content that is missing though names stand for it.
struct BrokenTotals {
  uint64_t pieces = 0;
  std::vector<FaultReport> faults{};  ///< the first of them
  friend bool operator==(const BrokenTotals&, const BrokenTotals&) = default;
};

/// A node at a glance.
struct StatusReport {
  std::string version;
  std::chrono::seconds uptime{};
  std::string address;            ///< where it listens: "127.0.0.1:5000"
  std::string data;               ///< the data directory
  std::vector<HostStatus> hosts;  ///< in the order of the configuration
  std::size_t fetches = 0;        ///< blobs on their way from upstreams now
  CaptureTotals captures{};
  std::vector<ProbeStatus> probes{};  ///< in the order of the configuration
  BrokenTotals broken{};
  /// What is held, or why the store did not say.
  std::expected<meta::StoreTotals, std::string> store;
};

/// Who knows it, handed to the API by the composition root. Any thread; costs no I/O.
class NodeStatus {
 public:
  virtual ~NodeStatus() = default;
  /// All but `store` and `captures`.
  virtual StatusReport report() const = 0;
};

/// An endpoint as it stands in the answers of the API.
std::string render_endpoint(const EndpointStatus& endpoint);
Result<EndpointStatus> parse_endpoint(std::string_view json);

/// The answer of `GET /api/v1/status`, as doc/reference/openapi.yaml has it.
std::string render_status(const StatusReport& report);
/// Members that are not known are passed over, so that a newer server can be asked. invalid: it is no status.
Result<StatusReport> parse_status(std::string_view json);

}  // namespace lifeboat::http
