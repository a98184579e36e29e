#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "server/compose.h"
#include "server/load.h"
#include "server/run.h"

namespace lifeboat::server {
namespace {

constexpr int kStopped = 0;
constexpr int kCouldNotStart = 3;

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  sigaddset(&set, SIGUSR1);  // from run() itself: the server has ended, the thread of signals may too
  return set;
}

/// A connection is a descriptor, and so is a cached blob: take all the system allows.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

void apply(Node& node, Config& current, Log& log, const ReloadConfig& reload) {
  auto fresh = reload();
  if (!fresh) {
    log.error("config.refused", {{"reason", fresh.error().message()}, {"effect", "the old configuration stays"}});
    return;
  }
  if (const Status applied = node.reload(*fresh); !applied) {
    log.error("config.refused", {{"reason", applied.error().message()}, {"effect", "the old configuration stays"}});
    return;
  }
  for (const std::string& key : restart_needed(current, *fresh)) {
    log.warning("config.needs_restart", {{"key", key}});
  }
  current = std::move(*fresh);
  log.info("config.reloaded");
}

/// SIGTERM and SIGINT stop, SIGHUP reloads; a second SIGTERM or SIGINT does not wait for anybody.
void obey_signals(Node& node, Config current, Log& log, const ReloadConfig& reload) {
  const sigset_t set = handled_signals();
  bool is_stopping = false;
  for (;;) {
    int signal = 0;
    if (::sigwait(&set, &signal) != 0 || signal == SIGUSR1) return;
    if (signal == SIGHUP) {
      apply(node, current, log, reload);
      continue;
    }
    if (is_stopping) ::_exit(128 + signal);
    is_stopping = true;
    log.info("server.stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
    node.request_stop();
  }
}

}  // namespace

int run(const Config& config, const ReloadConfig& reload, const std::vector<std::string>& warnings) {
  Log log({config.log.level, config.log.format});
  for (const std::string& warning : warnings) log.warning("config.warning", {{"reason", warning}});
  (void)::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  // NOLINTNEXTLINE(concurrency-mt-unsafe): there is no other thread yet
  ::mallopt(M_ARENA_MAX, 2);  // a dozen threads that mostly wait need no arena each

  // Blocked before any thread starts, so that only the thread of signals gets them.
  const sigset_t set = handled_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  auto node = Node::build(config, log);
  if (!node) {
    log.error("server.cannot_start", {{"reason", node.error().message()}});
    return kCouldNotStart;
  }
  log.info("server.ready", {{"address", (*node)->address()}, {"data", config.storage.root}});
  std::thread signals([&] { obey_signals(**node, config, log, reload); });
  (*node)->run();
  ::pthread_kill(signals.native_handle(), SIGUSR1);
  signals.join();
  node->reset();
  log.info("server.stopped");
  return kStopped;
}

Result<http::ScrubReport> scrub(const Config& config, const http::ScrubRequest& request,
                                const std::function<void(const http::ScrubReport&)>& watch) {
  const std::filesystem::path root = config.storage.root;
  if (!std::filesystem::exists(root / "lifeboat-data")) {
    return fail(ErrorCode::not_found,
                "cannot scrub '" + root.string() + "': it is no data directory, and no server runs there");
  }
  Log log({LogLevel::warning, config.log.format});
  (void)::signal(SIGPIPE, SIG_IGN);
  LB_TRY(const auto node, Node::build_without_door(config, log));
  return node->scrub(request, watch);
}

}  // namespace lifeboat::server
