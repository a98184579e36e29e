#pragma once

#include <map>
#include <memory>
#include <string>

#include "sys/block_pool.h"
#include "sys/clock.h"
#include "sys/http_client.h"
#include "sys/notification.h"
#include "test/sim/network_watch.h"
#include "test/sim/sim_registry.h"
#include "test/sim/sim_server.h"

namespace lifeboat::sim {

/// The network between the house and the world: an HTTP client whose servers are simulated. Deadlines, error codes and
/// steps are those of the real client (sys/curl_transfer), kept connections and the bound on downloads included.
class SimNetwork final : public sys::HttpClient {
 public:
  SimNetwork(const SimWorld& world, NetworkWatch& watch, Report& report, std::size_t downloads_max);
  ~SimNetwork() override;

  Task<sys::HttpClientResponse> send(Call call, sys::HttpClientRequest request) override;
  Task<std::unique_ptr<sys::HttpDownload>> open(Call call, sys::HttpClientRequest request) override;

  std::size_t blocks_in_use() const { return blocks_.in_use(); }

 private:
  class Download;
  /// One server as TCP sees it.
  struct Link {
    Duration kept_until{-1};    ///< a connection to it is open until then
    std::size_t downloads = 0;  ///< streamed, now
    sys::Notification freed;
  };
  /// Counts as one of a server's downloads for as long as it lives.
  class Turn;
  struct Reached {
    SimAnswer answer;
    std::string server;  ///< who gives the body
    bool is_redirected = false;
  };

  Result<Asked> asked_of(const Call& call, const sys::HttpClientRequest& request) const;
  const Schedule& schedule_of(const Asked& asked) const;
  static std::string server_of(const Asked& asked);
  Link& link(const std::string& server) { return links_[server]; }
  Task<std::unique_ptr<Turn>> take_turn(Call call, const std::string& server);
  Task<Reached> reach(Call call, const sys::HttpClientRequest& request, NetworkWatch::Running& running, Asked asked);
  Task<void> connect(Call call, const sys::HttpDeadlines& deadlines, NetworkWatch::Running& running, Asked asked);
  Task<void> wait(Call call, Duration how_long);
  Error failure(ErrorCode code, NetworkStep step, const std::string& server, std::string_view reason) const;
  std::unexpected<Error> fail_at(NetworkWatch::Running& running, const Asked& asked, ErrorCode code, NetworkStep step,
                                 std::string_view reason);

  const SimWorld& world_;
  NetworkWatch& watch_;
  Report& report_;
  const std::size_t downloads_max_;
  sys::SystemClock clock_;
  sys::BlockPool blocks_;
  std::map<std::string, Link> links_;
};

}  // namespace lifeboat::sim
