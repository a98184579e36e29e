#include "upstream/authorizer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "upstream/scope.h"

namespace lifeboat::upstream {
namespace {

constexpr std::string_view kBearer = "Bearer ";

}  // namespace

Authorizer::Authorizer(Parts parts, const Endpoint& endpoint)
    : endpoint_(endpoint),
      credentials_(endpoint, parts.files, parts.disk),
      tokens_(parts.client, parts.health, endpoint.options().health) {}

std::unexpected<Error> Authorizer::refuse(ErrorCode code, std::string_view why) const {
  return fail(code, "cannot ask endpoint '" + endpoint_.name() + "': " + std::string(why));
}

Task<std::string> Authorizer::field_for(Call call, std::string scope) {
  std::optional<Bearer> bearer;
  {
    const std::lock_guard lock(mu_);
    if (bearer_known_) bearer = bearer_known_;
    if (!bearer && !is_basic_known_) co_return std::string();
  }
  if (bearer) co_return co_await token_for(call, std::move(*bearer), std::move(scope));
  LB_CO_TRY(const auto credentials, co_await credentials_.current());
  co_return credentials ? credentials->basic() : std::string();
}

Task<std::string> Authorizer::answer(Call call, std::string scope, sys::HttpFields fields, std::string used) {
  const auto challenges = parse_challenges(fields.joined("WWW-Authenticate"));
  const auto of_scheme = [&](std::string_view scheme) {
    return std::ranges::find(challenges, scheme, &Challenge::scheme);
  };
  if (const auto bearer = of_scheme("bearer"); bearer != challenges.end()) {
    co_return co_await answer_bearer(call, std::move(scope), *bearer, std::move(used));
  }
  if (of_scheme("basic") != challenges.end()) co_return co_await answer_basic(std::move(used));
  co_return refuse(ErrorCode::unauthorized, "401 without a challenge we can answer (want Bearer or Basic)");
}

bool Authorizer::knows_realm() {
  const std::lock_guard lock(mu_);
  return bearer_known_.has_value();
}

Task<std::string> Authorizer::try_out(Call call, std::string challenges, std::optional<Credentials> credentials) {
  const auto all = parse_challenges(challenges);
  const auto challenge = std::ranges::find(all, "bearer", &Challenge::scheme);
  if (challenge == all.end()) {
    if (!credentials) co_return refuse(ErrorCode::unauthorized, "it wants credentials and none are configured");
    co_return credentials->basic();
  }
  LB_CO_TRY(const Bearer bearer, bearer_of(*challenge));
  if (credentials && bearer.trust != RealmTrust::with_credentials) {
    co_return refuse(ErrorCode::unauthorized,
                     "its token realm '" + bearer.realm.authority() + "' is not trusted with the login");
  }
  TokenRequest request = request_for(bearer, "");
  request.credentials = std::move(credentials);
  LB_CO_TRY(const Token token, co_await tokens_.exchange(call, std::move(request)));
  co_return std::string(kBearer) + token.text;
}

Task<std::string> Authorizer::answer_basic(std::string used) {
  {
    const std::lock_guard lock(mu_);
    is_basic_known_ = true;
    bearer_known_.reset();
  }
  LB_CO_TRY(auto credentials, co_await credentials_.current());
  if (!credentials) co_return refuse(ErrorCode::unauthorized, "it wants credentials and none are configured");
  if (credentials->basic() != used) co_return credentials->basic();
  auto others = co_await credentials_.others_than(credentials);
  if (!others) {
    co_return refuse(ErrorCode::unauthorized, "it refused the credentials");
  }
  std::string value = others->basic();
  const std::lock_guard lock(mu_);
  untried_ = std::move(others);
  co_return value;
}

void Authorizer::note_accepted(const std::string& used) {
  std::optional<Credentials> seen_to_work;
  {
    const std::lock_guard lock(mu_);
    if (!untried_ || untried_->basic() != used) return;
    seen_to_work.swap(untried_);
  }
  credentials_.adopt(std::move(*seen_to_work));
}

Result<Authorizer::Bearer> Authorizer::bearer_of(const Challenge& challenge) const {
  auto realm = Url::parse(challenge.find("realm").value_or(""));
  if (!realm) return refuse(ErrorCode::unauthorized, "401 with a realm that is no URL");
  const RealmTrust trust = judge_realm(endpoint_.url(), *realm, endpoint_.options().realm_hosts);
  if (trust == RealmTrust::refused) {
    return refuse(ErrorCode::unauthorized, "its token realm '" + realm->authority() + "' is not trusted");
  }
  return Bearer{std::move(*realm), std::string(challenge.find("service").value_or("")), trust};
}

/// Without credentials.
TokenRequest Authorizer::request_for(const Bearer& bearer, const std::string& scope) const {
  TokenRequest request{.realm = bearer.realm,
                       .service = bearer.service,
                       .scope = scope,
                       .credentials = std::nullopt,
                       .trust = {},
                       .deadlines = endpoint_.options().deadlines};
  if (bearer.trust == RealmTrust::with_credentials) {
    request.trust = endpoint_.trust();
    request.trust.skip_verify = request.trust.skip_verify && bearer.realm.host == endpoint_.url().host;
  }
  return request;
}

Task<TokenRequest> Authorizer::request_of(const Bearer& bearer, const std::string& scope) {
  TokenRequest request = request_for(bearer, scope);
  if (bearer.trust == RealmTrust::with_credentials) {
    LB_CO_TRY(request.credentials, co_await credentials_.current());
  }
  co_return request;
}

Task<std::string> Authorizer::token_for(Call call, Bearer bearer, std::string scope) {
  LB_CO_TRY(TokenRequest request, co_await request_of(bearer, scope));
  const auto credentials = request.credentials;
  auto token = co_await tokens_.get(call, std::move(request));
  // A realm that denies one repository says nothing about the login.
  const bool is_refused = !token && token.error().code() == ErrorCode::unauthorized;
  std::optional<Credentials> others;
  if (is_refused && credentials) others = co_await credentials_.others_than(credentials);
  if (others) {
    TokenRequest again = request_for(bearer, scope);
    again.credentials = others;
    token = co_await tokens_.get(call, std::move(again));
    if (token) credentials_.adopt(std::move(*others));
  }
  if (!token) co_return std::unexpected(std::move(token).error());
  co_return std::string(kBearer) + *token;
}

Task<std::string> Authorizer::answer_bearer(Call call, std::string scope, Challenge challenge, std::string used) {
  LB_CO_TRY(const Bearer bearer, bearer_of(challenge));
  const std::string wanted = scope_of(challenge.find("scope"), scope);
  {
    // Only an endpoint that asks for the scope we would name ourselves can be answered in advance.
    const std::lock_guard lock(mu_);
    is_basic_known_ = false;
    bearer_known_ = wanted == scope ? std::optional(bearer) : std::nullopt;
  }
  if (used.starts_with(kBearer)) {
    LB_CO_TRY(const TokenRequest refused, co_await request_of(bearer, wanted));
    tokens_.forget(refused, used.substr(kBearer.size()));
    if (challenge.find("error") == "insufficient_scope") {
      co_return refuse(ErrorCode::denied, "the token does not suffice (insufficient_scope)");
    }
  }
  co_return co_await token_for(call, bearer, wanted);
}

}  // namespace lifeboat::upstream
