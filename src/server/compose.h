#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "base/task.h"
#include "http/scrub_report.h"
#include "server/config.h"

namespace lifeboat::upstream {
class RegistrySource;
}

namespace lifeboat::server {

/// The whole house, put together from a Config: the only place that names concrete backends. Made and destroyed on the
/// thread that runs its loops.
class Node {
 public:
  /// Opens the data directory and the store, and binds the address. Nothing is served yet. The error says what to do.
  static Result<std::unique_ptr<Node>> build(const Config& config, Log& log);
  /// The same for work on the data directory alone: it binds nothing, and only scrub() may be called.
  static Result<std::unique_ptr<Node>> build_without_door(const Config& config, Log& log);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Where it listens: "127.0.0.1:5000".
  std::string address() const;
  /// Serves until request_stop(): running answers get `grace`, then the store closes clean.
  void run();
  /// A whole tour over all that is held, to its end; then the store closes clean. `watch` is told how far it is.
  Result<http::ScrubReport> scrub(const http::ScrubRequest& request,
                                  const std::function<void(const http::ScrubReport&)>& watch);
  /// Begins the graceful stop. Any thread, any number of times.
  void request_stop();
  /// Applies what can change at run time, all or nothing: upstreams, probes, log, certificate. Any thread, one at a
  /// time.
  Status reload(const Config& fresh);

 private:
  struct Parts;
  explicit Node(std::unique_ptr<Parts> parts);
  Awaitable<void> shut_down();
  Awaitable<void> keep_house();
  Awaitable<void> keep_probing();
  Awaitable<void> probe(std::shared_ptr<upstream::RegistrySource> endpoint);
  void look_at_freeze();
  Awaitable<void> scrub_and_stop(http::ScrubRequest request, Result<http::ScrubReport>& report);
  Awaitable<void> tell_progress(const std::function<void(const http::ScrubReport&)>& watch);

  std::unique_ptr<Parts> parts_;
};

}  // namespace lifeboat::server
