#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "test/sim/report.h"
#include "test/sim/sim_registry.h"

namespace lifeboat::sim {

/// What a server (an endpoint, a realm of one, its storage) is asked, and by whom.
struct Asked {
  const SimHost* host = nullptr;
  const SimEndpoint* endpoint = nullptr;
  enum class Server { registry, realm, storage } server = Server::registry;
  bool is_probe = false;
  std::string method;
  std::string repository;  ///< "" for "/v2/" and tokens
  std::string kind;        ///< "manifests", "blobs", "tags"
  std::string reference;
  uint64_t from = 0;  ///< of a Range
};

/// Watches what the house asks the world for: keeps the promises about the network, and remembers what the promises
/// about answers depend on. Knows nothing of the house but whether its breakers are closed.
class NetworkWatch {
 public:
  explicit NetworkWatch(Report& report) : report_(report) {}

  /// Whether the breaker of this endpoint is closed; set by the house that lives now.
  std::function<bool(const std::string& endpoint)> is_breaker_closed;

  /// One request that is under way; ends with this object.
  class Running {
   public:
    Running(NetworkWatch& watch, Asked asked);
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running();
    void unreachable(std::string_view how);
    void answered(int status);
    /// Its body has ended, one way or the other.
    void body_ended();
    const Asked& asked() const { return asked_; }

   private:
    NetworkWatch& watch_;
    const Asked asked_;
    const std::string server_;
    bool is_fetch_ = false;
  };

  /// A new process knows nothing of what its predecessor found out.
  void begin_life() { servers_.clear(); }
  /// A registry said, well and in its right mind, that it has no such thing.
  void note_not_found(const Asked& asked);
  /// Whether every endpoint of the host said so since `since`.
  bool have_all_said_not_found(const SimHost& host, const std::string& repository, const std::string& reference,
                               Duration since) const;
  /// Requests to the host's servers on a client's behalf so far.
  uint64_t requests(const SimHost& host) const;
  std::size_t running() const { return running_; }
  /// Whether one of them is still under way.
  bool is_asking(const SimHost& host) const;

 private:
  struct Server {
    std::optional<Duration> unreachable_since;
    int probes = 0;
  };
  void check_begin(const Asked& asked, const std::string& server);
  static std::string server_of(const Asked& asked);

  Report& report_;
  std::map<std::string, Server> servers_;
  std::map<std::string, uint64_t> requests_;                       ///< by host
  std::map<std::string, int> asking_;                              ///< by host
  std::map<std::string, int> fetches_;                             ///< by host, repository and digest
  std::map<std::string, std::map<std::string, Duration>> denied_;  ///< by what, then by endpoint: when last
  std::size_t running_ = 0;
};

}  // namespace lifeboat::sim
