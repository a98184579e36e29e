#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "base/call.h"
#include "base/task.h"
#include "sys/http_message.h"
#include "upstream/challenge.h"
#include "upstream/credentials.h"
#include "upstream/endpoint.h"
#include "upstream/realm_trust.h"
#include "upstream/token.h"

namespace lifeboat::upstream {

/// Gives the requests to one endpoint their Authorization, and learns from its challenges how. Any thread.
class Authorizer {
 public:
  struct Parts {
    sys::HttpClient& client;
    sys::FileSystem& files;
    sys::ThreadPool& disk;
    Health::Parts health;
  };
  Authorizer(Parts parts, const Endpoint& endpoint);

  /// The field's value for a request of `scope`, as far as the endpoint's ways are known; "" for none.
  Task<std::string> field_for(Call call, std::string scope);
  /// The endpoint said 401 to a request that had `used`: the value to try next. unauthorized / denied: there is none,
  /// because what we have was refused, or because the realm it names may not have it (W90).
  Task<std::string> answer(Call call, std::string scope, sys::HttpFields fields, std::string used);

  /// True when it names a token realm, so that also who has no login asks for tokens.
  bool knows_realm();
  /// The value for `credentials` in answer to a challenge of the endpoint: a token that is exchanged for them now, or
  /// the credentials themselves. Nothing is learned or kept. unauthorized / denied: they were refused.
  Task<std::string> try_out(Call call, std::string challenges, std::optional<Credentials> credentials);
  CredentialStore& credentials() { return credentials_; }

  /// A request that had `used` was taken: when that came from a login that was not in use yet, it is now.
  void note_accepted(const std::string& used);

  /// Of the token realms; see TokenCache.
  SteadyTime next_probe() const { return tokens_.next_probe(); }
  Awaitable<void> probe(Call call) { return tokens_.probe(std::move(call)); }
  bool can_be_asked() const { return tokens_.can_be_asked(); }

 private:
  struct Bearer {
    Url realm;
    std::string service;
    RealmTrust trust = RealmTrust::refused;
  };

  Task<std::string> token_for(Call call, Bearer bearer, std::string scope);
  Task<std::string> answer_basic(std::string used);
  Task<std::string> answer_bearer(Call call, std::string scope, Challenge challenge, std::string used);
  TokenRequest request_for(const Bearer& bearer, const std::string& scope) const;
  Task<TokenRequest> request_of(const Bearer& bearer, const std::string& scope);
  Result<Bearer> bearer_of(const Challenge& challenge) const;
  std::unexpected<Error> refuse(ErrorCode code, std::string_view why) const;

  // constant after construction
  const Endpoint& endpoint_;

  // own synchronization
  CredentialStore credentials_;
  TokenCache tokens_;

  // guarded by mu_: what the last challenge taught
  std::mutex mu_;
  bool is_basic_known_ = false;
  std::optional<Bearer> bearer_known_;
  std::optional<Credentials> untried_;  ///< given out for a Basic login, and not seen to work yet
};

}  // namespace lifeboat::upstream
