#include "test/sim/network_watch.h"

#include <algorithm>

namespace lifeboat::sim {
namespace {

/// What was let through before a breaker opened may have waited this long for its token.
constexpr Duration kTokenWait{10'000};

std::string thing(const SimHost& host, const std::string& repository, const std::string& reference) {
  return host.name + "/" + repository + " " + reference;
}

}  // namespace

std::string NetworkWatch::server_of(const Asked& asked) {
  switch (asked.server) {
    case Asked::Server::registry: return asked.endpoint->name;
    case Asked::Server::realm: return "realm of " + asked.endpoint->name;
    case Asked::Server::storage: return "storage of " + asked.endpoint->name;
  }
  return "";
}

NetworkWatch::Running::Running(NetworkWatch& watch, Asked asked)
    : watch_(watch), asked_(std::move(asked)), server_(server_of(asked_)) {
  ++watch_.running_;
  watch_.check_begin(asked_, server_);
  if (asked_.is_probe) {
    ++watch_.servers_[server_].probes;
  } else {
    ++watch_.asking_[asked_.host->name];
  }
  const bool is_blob = asked_.server == Asked::Server::registry && asked_.kind == "blobs" && asked_.method == "GET";
  if (!is_blob) return;
  is_fetch_ = true;
  const int others = watch_.fetches_[thing(*asked_.host, asked_.repository, asked_.reference)]++;
  if (others > 0 && asked_.from == 0) {
    watch_.report_.fault("blob " + brief(asked_.reference) + " of " + asked_.host->name + "/" + asked_.repository +
                         " is asked for at " + server_ + " while a fetch of it runs: it was to be fetched once");
  }
}

NetworkWatch::Running::~Running() {
  body_ended();
  if (asked_.is_probe) {
    --watch_.servers_[server_].probes;
  } else {
    --watch_.asking_[asked_.host->name];
  }
  --watch_.running_;
}

void NetworkWatch::Running::body_ended() {
  if (!std::exchange(is_fetch_, false)) return;
  --watch_.fetches_[thing(*asked_.host, asked_.repository, asked_.reference)];
}

void NetworkWatch::Running::unreachable(std::string_view how) {
  watch_.report_.note("  net " + server_ + " " + asked_.method + " " + asked_.kind + " " + brief(asked_.reference) +
                      (asked_.is_probe ? " (probe)" : "") + " -> " + std::string(how));
  auto& since = watch_.servers_[server_].unreachable_since;
  const bool has_no_connection = how.starts_with("no connection");
  if (has_no_connection && !since) since = watch_.report_.now();
}

void NetworkWatch::Running::answered(int status) {
  watch_.report_.note("  net " + server_ + " " + asked_.method + " " + asked_.kind + " " + brief(asked_.reference) +
                      (asked_.is_probe ? " (probe)" : "") + " -> " + std::to_string(status));
  if (asked_.is_probe) watch_.servers_[server_].unreachable_since.reset();
}

void NetworkWatch::check_begin(const Asked& asked, const std::string& server) {
  if (asked.server == Asked::Server::storage) return;
  const Server& state = servers_[server];
  if (asked.is_probe) {
    report_.count("probes");
    if (state.probes > 0) report_.fault(server + " is probed twice at a time");
    return;
  }
  ++requests_[asked.host->name];
  report_.count("requests to upstreams");
  if (asked.from > 0) report_.count("bodies that were continued");
  const bool may_have_waited = asked.endpoint->login != SimEndpoint::Login::none;
  if (state.unreachable_since && (!may_have_waited || report_.now() - *state.unreachable_since > kTokenWait)) {
    report_.fault(server + " could not be connected to at " + to_text(*state.unreachable_since) +
                  ", and a client's request is sent there again before a probe got through");
  }
  const bool is_endpoint = asked.server == Asked::Server::registry;
  if (is_endpoint && !may_have_waited && !is_breaker_closed(asked.endpoint->name)) {
    report_.fault(server + " is asked on a request's path while its breaker is open");
  }
}

void NetworkWatch::note_not_found(const Asked& asked) {
  denied_[thing(*asked.host, asked.repository, asked.reference)][asked.endpoint->name] = report_.now();
}

bool NetworkWatch::have_all_said_not_found(const SimHost& host, const std::string& repository,
                                           const std::string& reference, Duration since) const {
  const auto found = denied_.find(thing(host, repository, reference));
  if (found == denied_.end()) return false;
  return std::ranges::all_of(host.endpoints, [&](const SimEndpoint& endpoint) {
    const auto said = found->second.find(endpoint.name);
    return said != found->second.end() && said->second >= since;
  });
}

uint64_t NetworkWatch::requests(const SimHost& host) const {
  const auto found = requests_.find(host.name);
  return found == requests_.end() ? 0 : found->second;
}

bool NetworkWatch::is_asking(const SimHost& host) const {
  const auto found = asking_.find(host.name);
  return found != asking_.end() && found->second > 0;
}

}  // namespace lifeboat::sim
