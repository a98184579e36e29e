#include "test/sim/sim_network.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace lifeboat::sim {
namespace {

constexpr Duration kConnectionKept{60'000};
constexpr Duration kRefusalTakes{1};
constexpr uint64_t kSlowBytesPerSecond = 6'000;
constexpr uint64_t kChunkMaxBytes = 256 * kKiB;

bool has_connection(NetworkStep step) {
  return step != NetworkStep::resolve && step != NetworkStep::connect && step != NetworkStep::tls;
}

/// From 0.5 s to 4 s: some are within the deadline of the first byte.
Duration slowness_at(Duration time) { return Duration(500 + time.count() * 7919 % 3500); }

std::string method_of(const sys::HttpClientRequest& request) { return std::string(to_string(request.method)); }

uint64_t range_of(const sys::HttpFields& fields) {
  const std::string_view field = fields.find("Range").value_or("");
  return field.starts_with("bytes=") ? std::stoull(std::string(field.substr(6))) : 0;
}

}  // namespace

class SimNetwork::Turn {
 public:
  explicit Turn(Link& link) : link_(link) { ++link_.downloads; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    --link_.downloads;
    link_.freed.notify_all();
  }

 private:
  Link& link_;
};

/// A body on its way; what happens to its server meanwhile happens to it.
class SimNetwork::Download final : public sys::HttpDownload {
 public:
  Download(SimNetwork& network, std::unique_ptr<Turn> turn, std::unique_ptr<NetworkWatch::Running> running,
           Reached reached, const Schedule& schedule, sys::HttpDeadlines deadlines)
      : network_(network),
        running_(std::move(running)),
        turn_(std::move(turn)),
        reached_(std::move(reached)),
        schedule_(schedule),
        deadlines_(deadlines) {
    head_.status = reached_.answer.status;
    head_.fields = reached_.answer.fields;
    if (body().announced) head_.fields.add("Content-Length", std::to_string(*body().announced));
  }

  const sys::HttpClientResponse& head() const override { return head_; }
  std::optional<uint64_t> length() const override { return body().announced; }

  Task<sys::Block> next() override {
    LB_CO_CHECK(co_await pass_by_faults());
    const uint64_t end = std::min<uint64_t>(body().bytes.size(), body().ends_after);
    if (offset_ == end) co_return co_await end_body();
    const bool is_slow = schedule_.at(network_.report_.now()) == Fault::slow_body;
    const uint64_t rate = is_slow ? kSlowBytesPerSecond : body().rate_bytes;
    const uint64_t count = std::min({end - offset_, kChunkMaxBytes, rate / 2});
    co_await network_.clock_.sleep_until(network_.clock_.now() + Duration(static_cast<int64_t>(count * 1000 / rate)));
    sys::Block block = network_.blocks_.take();
    std::memcpy(block.free_space().data(), body().bytes.data() + offset_, count);
    block.grow(count);
    offset_ += count;
    co_return std::move(block);
  }

 private:
  const SimBody& body() const { return reached_.answer.body; }

  Task<void> pass_by_faults() {
    for (;;) {
      const Duration now = network_.report_.now();
      const Fault fault = schedule_.at(now);
      if (fault == Fault::refused) co_return broken(ErrorCode::unavailable, "the connection was cut");
      if (fault != Fault::black_hole && fault != Fault::hangs) co_return Status{};
      const Duration pause = std::min(schedule_.end_of(now) - now, deadlines_.stall);
      co_await network_.clock_.sleep_until(network_.clock_.now() + pause);
      if (pause == deadlines_.stall) co_return broken(ErrorCode::timed_out, "stalled");
    }
  }

  Task<sys::Block> end_body() {
    if (body().ending == SimBody::Ending::stalls) {
      co_await network_.clock_.sleep_until(network_.clock_.now() + deadlines_.stall);
      co_return broken(ErrorCode::timed_out, "stalled");
    }
    if (body().ending == SimBody::Ending::cut) co_return broken(ErrorCode::unavailable, "the connection was cut");
    if (body().announced && offset_ != *body().announced) {
      co_return broken(ErrorCode::corrupt, "the body is shorter than announced");
    }
    running_->body_ended();
    co_return sys::Block();
  }

  std::unexpected<Error> broken(ErrorCode code, std::string_view reason) {
    running_->body_ended();
    network_.report_.note("  net " + reached_.server + " body of " + brief(running_->asked().reference) + " at " +
                          std::to_string(offset_) + ": " + std::string(reason));
    return std::unexpected(network_.failure(code, NetworkStep::body, reached_.server, reason));
  }

  SimNetwork& network_;
  const std::unique_ptr<NetworkWatch::Running> running_;
  const std::unique_ptr<Turn> turn_;
  const Reached reached_;
  const Schedule& schedule_;
  const sys::HttpDeadlines deadlines_;
  sys::HttpClientResponse head_;
  uint64_t offset_ = 0;
};

SimNetwork::SimNetwork(const SimWorld& world, NetworkWatch& watch, Report& report, std::size_t downloads_max)
    : world_(world), watch_(watch), report_(report), downloads_max_(downloads_max) {}
SimNetwork::~SimNetwork() = default;

// ---- where a request goes ----

Result<Asked> SimNetwork::asked_of(const Call& call, const sys::HttpClientRequest& request) const {
  static constexpr std::string_view kScheme = "https://";
  Asked asked;
  asked.is_probe = call.request_id() == "probe";
  asked.method = method_of(request);
  const std::string rest = request.url.substr(kScheme.size());
  std::string authority = rest.substr(0, rest.find('/'));
  std::string path = rest.substr(authority.size());
  if (authority.starts_with("auth.")) {
    asked.server = Asked::Server::realm;
    authority = path.substr(1, path.find('/', 1) - 1);
    path.clear();
    asked.kind = "token";
  }
  for (const SimHost& host : world_.hosts) {
    for (const SimEndpoint& endpoint : host.endpoints) {
      if (endpoint.name != authority) continue;
      asked.host = &host;
      asked.endpoint = &endpoint;
    }
  }
  if (asked.endpoint == nullptr) return fail(ErrorCode::unavailable, "cannot ask host '" + authority + "': unknown");
  for (const std::string_view kind : {"/manifests/", "/blobs/", "/tags/", "/referrers/"}) {
    const std::size_t at = path.rfind(kind);
    if (at == std::string::npos) continue;
    asked.repository = path.substr(4, at - 4);
    asked.kind = kind.substr(1, kind.size() - 2);
    asked.reference = path.substr(at + kind.size());
  }
  asked.from = range_of(request.fields);
  return asked;
}

const Schedule& SimNetwork::schedule_of(const Asked& asked) const {
  switch (asked.server) {
    case Asked::Server::registry: return asked.endpoint->registry;
    case Asked::Server::realm: return asked.endpoint->realm;
    case Asked::Server::storage: break;
  }
  return asked.endpoint->storage;
}

std::string SimNetwork::server_of(const Asked& asked) {
  switch (asked.server) {
    case Asked::Server::registry: return asked.endpoint->name;
    case Asked::Server::realm: return "realm of " + asked.endpoint->name;
    case Asked::Server::storage: return "storage of " + asked.endpoint->name;
  }
  return "";
}

// ---- failures ----

Error SimNetwork::failure(ErrorCode code, NetworkStep step, const std::string& server, std::string_view reason) const {
  std::string text = "cannot ask host '" + server + "': ";
  text.append(to_string(step)).append(": ").append(reason);
  return Error(code, std::move(text)).at(step);
}

std::unexpected<Error> SimNetwork::fail_at(NetworkWatch::Running& running, const Asked& asked, ErrorCode code,
                                           NetworkStep step, std::string_view reason) {
  link(server_of(asked)).kept_until = Duration(-1);
  const bool is_elsewhere = asked.server == Asked::Server::storage;
  const bool is_cut_off = !has_connection(step) && !is_elsewhere;
  running.unreachable((is_cut_off ? "no connection: " : "no answer: ") + std::string(reason));
  return std::unexpected(failure(code, is_elsewhere ? NetworkStep::redirect : step, server_of(asked), reason));
}

/// The caller's patience says nothing about the host: no step.
Task<void> SimNetwork::wait(Call call, Duration how_long) {
  const SteadyTime until = clock_.now() + how_long;
  co_await clock_.sleep_until(std::min(until, call.deadline()));
  if (call.deadline() < until) co_return fail(ErrorCode::timed_out, "no answer before the deadline of the call");
  co_return Status{};
}

Task<std::unique_ptr<SimNetwork::Turn>> SimNetwork::take_turn(Call call, const std::string& server) {
  Link& to = link(server);
  for (;;) {
    const uint64_t seen = to.freed.version();
    if (to.downloads < downloads_max_) co_return std::make_unique<Turn>(to);
    const bool has_changed = co_await to.freed.wait(seen, call.deadline());
    if (!has_changed) co_return fail(ErrorCode::too_many, "waiting for other downloads from there to end");
  }
}

// ---- one request ----

/// To the point where the server has the request.
Task<void> SimNetwork::connect(Call call, const sys::HttpDeadlines& deadlines, NetworkWatch::Running& running,
                               Asked asked) {
  const Fault fault = schedule_of(asked).at(report_.now());
  const bool is_kept = report_.now() < link(server_of(asked)).kept_until;
  switch (fault) {
    case Fault::refused:
      LB_CO_CHECK(co_await wait(call, kRefusalTakes));
      co_return fail_at(running, asked, ErrorCode::unavailable, NetworkStep::connect, "connection refused");
    case Fault::no_name:
      LB_CO_CHECK(co_await wait(call, kRefusalTakes));
      co_return fail_at(running, asked, ErrorCode::unavailable, NetworkStep::resolve, "no such host");
    case Fault::bad_tls:
      LB_CO_CHECK(co_await wait(call, asked.endpoint->latency));
      co_return fail_at(running, asked, ErrorCode::unavailable, NetworkStep::tls, "TLS: bad certificate");
    case Fault::black_hole:
      LB_CO_CHECK(co_await wait(call, is_kept ? deadlines.first_byte : deadlines.connect));
      co_return fail_at(running, asked, ErrorCode::timed_out, is_kept ? NetworkStep::first_byte : NetworkStep::connect,
                        "nothing in time");
    case Fault::hangs:
      LB_CO_CHECK(co_await wait(call, asked.endpoint->latency + deadlines.first_byte));
      co_return fail_at(running, asked, ErrorCode::timed_out, NetworkStep::first_byte, "nothing in time");
    case Fault::slow_head:
      if (const Duration slowness = slowness_at(report_.now()); slowness >= deadlines.first_byte) {
        LB_CO_CHECK(co_await wait(call, deadlines.first_byte));
        co_return fail_at(running, asked, ErrorCode::timed_out, NetworkStep::first_byte, "nothing in time");
      } else {
        LB_CO_CHECK(co_await wait(call, slowness));
      }
      break;
    default: break;
  }
  LB_CO_CHECK(co_await wait(call, asked.endpoint->latency));
  // What began well may have died on the way.
  if (is_dead(schedule_of(asked).at(report_.now()))) {
    co_return fail_at(running, asked, ErrorCode::unavailable, NetworkStep::first_byte, "the connection was cut");
  }
  link(server_of(asked)).kept_until = report_.now() + kConnectionKept;
  co_return Status{};
}

Task<SimNetwork::Reached> SimNetwork::reach(Call call, const sys::HttpClientRequest& request,
                                            NetworkWatch::Running& running, Asked asked) {
  LB_CO_CHECK(co_await connect(call, request.deadlines, running, asked));
  const Fault fault = schedule_of(asked).at(report_.now());
  Reached reached{.answer = {}, .server = server_of(asked)};
  if (asked.server == Asked::Server::realm) {
    reached.answer = realm_answer(asked, request.url, request.fields, fault, report_.now());
  } else {
    reached.answer = registry_answer(asked, request.fields, fault, watch_, report_.now());
  }
  if (reached.answer.is_sent_on) {
    asked.server = Asked::Server::storage;
    LB_CO_CHECK(co_await connect(call, request.deadlines, running, asked));
    reached.answer = storage_answer(asked, schedule_of(asked).at(report_.now()));
    reached.server = server_of(asked);
    reached.is_redirected = true;
  }
  reached.answer.body.rate_bytes = asked.endpoint->rate_bytes;
  running.answered(reached.answer.status);
  co_return std::move(reached);
}

Task<sys::HttpClientResponse> SimNetwork::send(Call call, sys::HttpClientRequest request) {
  LB_CO_TRY(const Asked asked, asked_of(call, request));
  auto running = std::make_unique<NetworkWatch::Running>(watch_, asked);
  LB_CO_TRY(Reached reached, co_await reach(call, request, *running, asked));
  const bool is_head = request.method == sys::HttpMethod::head;
  Download download(*this, nullptr, std::move(running), std::move(reached), schedule_of(asked), request.deadlines);
  sys::HttpClientResponse response = download.head();
  while (!is_head) {
    LB_CO_TRY(const sys::Block block, co_await download.next());
    if (clock_.now() >= call.deadline()) co_return fail(ErrorCode::timed_out, "no answer before the call's deadline");
    if (block.size() == 0) break;
    response.body.append(as_text(block.bytes()));
    if (response.body.size() > request.body_max_bytes) co_return fail(ErrorCode::corrupt, "the body is too long");
  }
  co_return std::move(response);
}

Task<std::unique_ptr<sys::HttpDownload>> SimNetwork::open(Call call, sys::HttpClientRequest request) {
  LB_CO_TRY(const Asked asked, asked_of(call, request));
  auto running = std::make_unique<NetworkWatch::Running>(watch_, asked);
  LB_CO_TRY(auto turn, co_await take_turn(call, server_of(asked)));
  LB_CO_TRY(Reached reached, co_await reach(call, request, *running, asked));
  Asked giver = asked;
  if (reached.is_redirected) giver.server = Asked::Server::storage;
  co_return std::make_unique<Download>(*this, std::move(turn), std::move(running), std::move(reached),
                                       schedule_of(giver), request.deadlines);
}

}  // namespace lifeboat::sim
