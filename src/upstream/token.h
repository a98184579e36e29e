#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/call.h"
#include "base/task.h"
#include "sys/clock.h"
#include "sys/http_client.h"
#include "sys/notification.h"
#include "upstream/credentials.h"
#include "upstream/health.h"

namespace lifeboat::upstream {

struct Token {
  std::string text;
  Duration lifetime{};
};

/// The answer of a token endpoint: `token` or `access_token`, `expires_in` in seconds (60 when absent). corrupt when it
/// is no such document or the token could not stand in a header field.
Result<Token> parse_token(std::string_view body);

struct TokenRequest {
  Url realm;
  std::string service;
  std::string scope;
  std::optional<Credentials> credentials;
  sys::HttpTrust trust;
  sys::HttpDeadlines deadlines;
};

/// Tokens by realm, service, scope and user. However many ask for one, it is fetched once; each realm has a breaker of
/// its own, so that a dead token endpoint costs no more than a dead registry. Any thread.
class TokenCache {
 public:
  TokenCache(sys::HttpClient& client, Health::Parts parts, HealthOptions health);
  ~TokenCache();
  TokenCache(const TokenCache&) = delete;
  TokenCache& operator=(const TokenCache&) = delete;

  /// unauthorized / denied: the credentials were refused; unavailable / timed_out: the realm is down.
  Task<std::string> get(Call call, TokenRequest request);
  /// The same without the cache: whether the realm gives one now.
  Task<Token> exchange(Call call, TokenRequest request) { return fetch(std::move(call), std::move(request)); }
  /// `token` was refused: the next get() fetches another.
  void forget(const TokenRequest& request, const std::string& token);

  /// The breaker of no realm is open.
  bool can_be_asked() const;
  /// When the next probe of a realm is due; max: none is.
  SteadyTime next_probe() const;
  /// For every realm whose probe is due: repeats the request that was made there last, and every other time asks for a
  /// token without a scope, since one scope may be what fails.
  Awaitable<void> probe(Call call);

 private:
  struct Held {
    std::string text;
    SteadyTime expires;
  };
  struct Flight {
    sys::Notification ended;
    std::optional<Result<std::string>> outcome;  ///< guarded by mu_
  };
  class Lead;

  static std::string key_of(const TokenRequest& request);
  /// A realm is one breaker, and what a probe asks.
  struct Realm {
    Health health;
    TokenRequest last_asked;  ///< guarded by mu_
    unsigned probes = 0;      ///< guarded by mu_
  };
  Task<Token> fetch(Call call, TokenRequest request);
  Task<Token> ask(Call call, TokenRequest request, Health::Permit permit);
  /// Remembers the request as the last one.
  Result<std::shared_ptr<Realm>> realm_of(const TokenRequest& request);
  void land(const std::string& key, Flight& flight, Result<Token> token);

  // constant after construction
  sys::HttpClient& client_;
  const Health::Parts parts_;
  const HealthOptions health_options_;

  // guarded by mu_
  mutable std::mutex mu_;
  std::map<std::string, Held> held_;
  std::map<std::string, std::shared_ptr<Flight>> flights_;
  std::map<std::string, std::shared_ptr<Realm>> realms_;
};

}  // namespace lifeboat::upstream
