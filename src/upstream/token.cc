#include "upstream/token.h"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <utility>

#include "upstream/failure.h"

namespace lifeboat::upstream {
namespace {

constexpr std::size_t kTokensMax = 4096;
/// Realms one endpoint may name in the life of the process: it names one.
constexpr std::size_t kRealmsMax = 4;
constexpr std::size_t kTokenMaxBytes = 32 * kKiB;
constexpr uint64_t kTokenAnswerMaxBytes = 256 * kKiB;
constexpr int kFlightsMax = 3;
constexpr int64_t kLifetimeDefault = 60;
constexpr int64_t kLifetimeMax = int64_t{24} * 3600;
constexpr Duration kRealmPauseDefault = std::chrono::seconds(1);

bool is_field_text(std::string_view text) {
  return std::ranges::all_of(text, [](char letter) { return letter > 0x20 && letter < 0x7f; });
}

/// One parameter for each scope (token specification of CNCF distribution).
std::string scope_query(std::string_view scopes) {
  std::string query;
  while (!scopes.empty()) {
    const std::size_t end = std::min(scopes.find(' '), scopes.size());
    query.append(query.empty() ? "scope=" : "&scope=").append(percent_encoded(scopes.substr(0, end)));
    scopes.remove_prefix(std::min(end + 1, scopes.size()));
  }
  return query;
}

/// A tenth early, so that a token does not expire on its way.
Duration usable_time(Duration lifetime) { return lifetime - lifetime / 10; }

}  // namespace

Result<Token> parse_token(std::string_view body) {
  const auto bad = [](std::string_view why) {
    return fail(ErrorCode::corrupt, "cannot read token: " + std::string(why));
  };
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object()) return bad("the answer is no JSON object");
  Token token;
  for (const char* name : {"token", "access_token"}) {
    const auto found = json.find(name);
    if (token.text.empty() && found != json.end() && found->is_string()) token.text = found->get<std::string>();
  }
  if (token.text.empty()) return bad("the answer has neither 'token' nor 'access_token'");
  if (token.text.size() > kTokenMaxBytes || !is_field_text(token.text)) return bad("it cannot stand in a header field");
  int64_t seconds = kLifetimeDefault;
  if (const auto found = json.find("expires_in"); found != json.end() && found->is_number_integer()) {
    const auto given = found->is_number_unsigned()
                           ? static_cast<int64_t>(std::min<uint64_t>(found->get<uint64_t>(), kLifetimeMax))
                           : found->get<int64_t>();
    if (given > 0) seconds = given;
  }
  token.lifetime = std::chrono::seconds(std::min(seconds, kLifetimeMax));
  return token;
}

/// Whoever fetches for all: when its coroutine is dropped, the others are told and one of them takes over.
class TokenCache::Lead {
 public:
  Lead(TokenCache& cache, std::string key, std::shared_ptr<Flight> flight)
      : cache_(cache), key_(std::move(key)), flight_(std::move(flight)) {}
  Lead(const Lead&) = delete;
  Lead& operator=(const Lead&) = delete;
  ~Lead() {
    if (!has_landed_) cache_.land(key_, *flight_, fail(ErrorCode::cancelled, "cannot get token: who asked has left"));
  }
  void land(Result<Token> token) {
    has_landed_ = true;
    cache_.land(key_, *flight_, std::move(token));
  }

 private:
  TokenCache& cache_;
  const std::string key_;
  const std::shared_ptr<Flight> flight_;
  bool has_landed_ = false;
};

TokenCache::TokenCache(sys::HttpClient& client, Health::Parts parts, HealthOptions health)
    : client_(client), parts_(parts), health_options_(health) {}
TokenCache::~TokenCache() = default;

std::string TokenCache::key_of(const TokenRequest& request) {
  std::string key = request.realm.origin() + request.realm.path + "?" + request.realm.query + "\n" + request.service +
                    "\n" + request.scope;
  if (request.credentials) key.append("\n").append(request.credentials->basic());
  return key;
}

Task<std::string> TokenCache::get(Call call, TokenRequest request) {
  const std::string key = key_of(request);
  for (int i = 0; i < kFlightsMax; ++i) {
    std::shared_ptr<Flight> flight;
    bool is_leader = false;
    uint64_t seen = 0;
    {
      const std::lock_guard lock(mu_);
      if (const auto held = held_.find(key); held != held_.end() && parts_.clock.now() < held->second.expires) {
        co_return held->second.text;
      }
      auto& current = flights_[key];
      is_leader = current == nullptr;
      if (is_leader) current = std::make_shared<Flight>();
      flight = current;
      seen = flight->ended.version();
    }
    if (is_leader) {
      Lead lead(*this, key, flight);
      auto token = co_await fetch(call, std::move(request));
      lead.land(token);
      if (!token) co_return std::unexpected(std::move(token).error());
      co_return std::move(token->text);
    }
    const bool has_ended = co_await flight->ended.wait(seen, call.deadline());
    if (!has_ended) {
      co_return fail(ErrorCode::timed_out,
                     "cannot get token from '" + request.realm.authority() + "': the deadline of the call passed");
    }
    const std::lock_guard lock(mu_);
    // What the leader's own patience ended is no verdict for those who can wait longer.
    const bool is_verdict = *flight->outcome || (flight->outcome->error().code() != ErrorCode::cancelled &&
                                                 flight->outcome->error().code() != ErrorCode::timed_out);
    if (!is_verdict) continue;
    if (*flight->outcome) co_return **flight->outcome;
    co_return std::unexpected(Error(flight->outcome->error()).at(NetworkStep::not_sent));
  }
  co_return fail(ErrorCode::timed_out, "cannot get token from '" + request.realm.authority() + "': nobody got one");
}

void TokenCache::land(const std::string& key, Flight& flight, Result<Token> token) {
  {
    const std::lock_guard lock(mu_);
    const SteadyTime now = parts_.clock.now();
    if (token) {
      if (held_.size() >= kTokensMax)
        std::erase_if(held_, [&](const auto& held) { return held.second.expires <= now; });
      if (held_.size() >= kTokensMax) held_.erase(held_.begin());
      held_.insert_or_assign(key, Held{token->text, now + usable_time(token->lifetime)});
      flight.outcome = std::move(token->text);
    } else {
      flight.outcome = std::unexpected(std::move(token).error());
    }
    flights_.erase(key);
  }
  flight.ended.notify_all();
}

void TokenCache::forget(const TokenRequest& request, const std::string& token) {
  const std::lock_guard lock(mu_);
  const auto held = held_.find(key_of(request));
  if (held != held_.end() && held->second.text == token) held_.erase(held);
}

Result<std::shared_ptr<TokenCache::Realm>> TokenCache::realm_of(const TokenRequest& request) {
  const std::lock_guard lock(mu_);
  const std::string name = request.realm.authority();
  const auto found = realms_.find(name);
  if (found != realms_.end()) {
    // Before it is asked: when its breaker opens, whoever probes must find what to ask.
    if (found->second->health.state() == Health::State::closed) found->second->last_asked = request;
    return found->second;
  }
  if (realms_.size() >= kRealmsMax) {
    return fail(ErrorCode::unauthorized,
                "cannot get token from '" + name + "': the registry named other realms before");
  }
  const auto seed = std::hash<std::string>{}(name);
  std::shared_ptr<Realm> made(new Realm{{parts_, "realm", name, health_options_, seed}, request});
  return realms_.emplace(name, std::move(made)).first->second;
}

Task<Token> TokenCache::fetch(Call call, TokenRequest request) {
  LB_CO_TRY(const auto realm, realm_of(request));
  LB_CO_TRY(Health::Permit permit, realm->health.admit());
  co_return co_await ask(call, std::move(request), std::move(permit));
}

SteadyTime TokenCache::next_probe() const {
  const std::lock_guard lock(mu_);
  SteadyTime next = SteadyTime::max();
  for (const auto& [name, realm] : realms_) next = std::min(next, realm->health.next_probe());
  return next;
}

bool TokenCache::can_be_asked() const {
  const std::lock_guard lock(mu_);
  return std::ranges::all_of(realms_,
                             [](const auto& one) { return one.second->health.state() == Health::State::closed; });
}

Awaitable<void> TokenCache::probe(Call call) {
  std::vector<std::pair<TokenRequest, Health::Permit>> due;
  {
    const std::lock_guard lock(mu_);
    for (const auto& [name, realm] : realms_) {
      auto permit = realm->health.admit_probe();
      if (!permit) continue;
      TokenRequest request = realm->last_asked;
      if (realm->probes++ % 2 == 1) request.scope.clear();
      due.emplace_back(std::move(request), std::move(*permit));
    }
  }
  for (auto& [request, permit] : due) (void)co_await ask(call, request, std::move(permit));
}

Task<Token> TokenCache::ask(Call call, TokenRequest request, Health::Permit permit) {
  sys::HttpClientRequest http;
  http.url = request.realm.origin() + (request.realm.path.empty() ? "/" : request.realm.path) + "?";
  if (!request.realm.query.empty()) http.url += request.realm.query + "&";
  if (!request.service.empty()) http.url += "service=" + percent_encoded(request.service) + "&";
  http.url += scope_query(request.scope);
  if (request.credentials) http.fields.add("Authorization", request.credentials->basic());
  http.fields.add("Accept", "application/json");
  http.trust = request.trust;
  http.deadlines = request.deadlines;
  http.body_max_bytes = kTokenAnswerMaxBytes;
  http.redirects_max = 0;  // trust was decided for this address and no other
  auto response = co_await client_.send(call, std::move(http));
  const std::string where = "from realm '" + request.realm.authority() + "'";
  if (!response) {
    if (is_outage(response.error().code())) {
      permit.report_outage(outage_of(response.error()), response.error().message());
    }
    co_return std::unexpected(std::move(response).error().with_context(where));
  }
  if (const auto failure = failure_of({response->status, response->fields, response->body}, Wanted::token)) {
    if (is_outage(failure->code)) {
      permit.report_outage(Health::Outage::broken, failure->reason);
    } else if (failure->code == ErrorCode::too_many) {
      permit.report_too_many(retry_after_of(response->fields, parts_.clock.wall()).value_or(kRealmPauseDefault));
    } else {
      permit.report_answer();
    }
    // "No such token" is never "no such content"; a realm that dislikes the request dislikes who asks.
    const bool is_refusal = failure->code == ErrorCode::not_found || failure->code == ErrorCode::invalid ||
                            failure->code == ErrorCode::unsupported;
    co_return fail(is_refusal ? ErrorCode::unauthorized : failure->code,
                   "cannot get token " + where + ": " + failure->reason);
  }
  auto token = parse_token(response->body);
  if (!token) {
    permit.report_outage(Health::Outage::broken, token.error().message());
    co_return std::unexpected(std::move(token).error().with_context(where));
  }
  permit.report_answer();
  co_return std::move(*token);
}

}  // namespace lifeboat::upstream
