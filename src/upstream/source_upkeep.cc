// What a source does without a client: probes of what failed, and of the login.

#include <algorithm>
#include <utility>

#include "upstream/scope.h"
#include "upstream/secret_expiry.h"
#include "upstream/source.h"
#include "upstream/source_shared.h"

namespace lifeboat::upstream {
namespace {

using Verdict = CredentialState::Verdict;

CredentialState told(Verdict verdict, std::string_view reason) {
  return {.verdict = verdict, .reason = std::string(reason)};
}

bool is_refusal(ErrorCode code) { return code == ErrorCode::unauthorized || code == ErrorCode::denied; }

/// A coroutine that is dropped ends no check.
class Running {
 public:
  explicit Running(CredentialCheck& check) : check_(&check) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    if (check_ != nullptr) check_->abandon();
  }
  void end(CredentialState state) { std::exchange(check_, nullptr)->end(std::move(state)); }

 private:
  CredentialCheck* check_;
};

}  // namespace

Health::State RegistrySource::health() const { return shared_->health.state(); }
Health::Snapshot RegistrySource::health_report() const { return shared_->health.snapshot(); }
bool RegistrySource::is_failing() const { return shared_->health.is_failing(); }
bool RegistrySource::is_short_of_requests() const { return shared_->rate.is_short(); }
bool RegistrySource::can_be_asked() const {
  return shared_->health.state() == Health::State::closed && authorizer_.can_be_asked();
}
bool RegistrySource::can_be_asked_for(const oci::RepositoryId& repository) const {
  return can_be_asked() && endpoint_.repository_of(repository).has_value();
}
CredentialState RegistrySource::credentials() const { return shared_->credentials.state(); }

SteadyTime RegistrySource::next_probe() const {
  return std::min(shared_->health.next_probe(), authorizer_.next_probe());
}

Awaitable<void> RegistrySource::probe(Call call) {
  co_await authorizer_.probe(call);
  auto permit = shared_->health.admit_probe();
  if (!permit) co_return;
  // What was asked last, and every other time only "/v2/": one repository may be what fails.
  Question question;
  std::string authorization;
  if (shared_->probes++ % 2 == 0) {
    question = shared_->last_asked.with([](const Question& last) { return last; });
    // Without it a 401 is an answer too.
    authorization = (co_await authorizer_.field_for(call, pull_scope(question.repository))).value_or("");
  }
  // Its head is enough, and no registry counts a HEAD as a pull.
  question.method = sys::HttpMethod::head;
  question.is_streamed = false;
  question.from = 0;
  question.length.reset();
  auto reply = co_await exchange(call, question, std::move(authorization));
  if (reply) {
    report(*permit, *reply, failure_of_reply(*reply, question));
  } else if (is_fault_of_endpoint(reply.error())) {
    permit->report_outage(outage_of(reply.error()), reply.error().message());
  }
}

SteadyTime RegistrySource::next_credential_check() {
  const bool is_worth_it = endpoint_.has_login() || authorizer_.knows_realm();
  return is_worth_it ? shared_->credentials.next() : SteadyTime::max();
}

Awaitable<void> RegistrySource::check_credentials(Call call) {
  if (next_credential_check() > clock_.now() || !shared_->credentials.begin()) co_return;
  Running running(shared_->credentials);
  CredentialState state = co_await judge_credentials(std::move(call));
  running.end(std::move(state));
}

/// What is kept now is tried first. What was in use stays in use unless the other was seen to work.
Awaitable<CredentialState> RegistrySource::judge_credentials(Call call) {
  auto permit = shared_->health.admit(Health::Asking::sign_of_life);
  if (!permit) co_return told(Verdict::cannot_tell, permit.error().message());
  const Question question{.subject = "the API's base"};
  auto bare = co_await exchange(call, question, "");
  if (!bare) {
    if (is_fault_of_endpoint(bare.error())) permit->report_outage(outage_of(bare.error()), bare.error().message());
    co_return told(Verdict::cannot_tell, bare.error().message());
  }
  const auto failure = failure_of_reply(*bare, question);
  report(*permit, *bare, failure);
  if (!failure) co_return told(Verdict::cannot_tell, "it answers without a login");
  if (bare->response.status != 401) co_return told(Verdict::cannot_tell, failure->reason);

  const std::string challenges = bare->response.fields.joined("WWW-Authenticate");
  CredentialStore& store = authorizer_.credentials();
  const auto in_use = store.in_use();
  const auto kept = co_await store.kept();
  CredentialState state = told(Verdict::rejected, kept ? "" : kept.error().message());
  if (kept) state = co_await try_credentials(call, challenges, *kept);
  if (kept && *kept && state.verdict == Verdict::works) store.adopt(**kept);
  // Without a login there is nothing of ours that could be refused: a realm may give no token for nothing at all.
  const bool is_anonymous = kept && !*kept;
  if (is_anonymous && state.verdict == Verdict::rejected) state.verdict = Verdict::cannot_tell;
  const bool has_other = in_use && (!kept || *kept != in_use);
  if (!has_other || state.verdict == Verdict::works) co_return state;
  CredentialState before = co_await try_credentials(call, challenges, in_use);
  if (before.verdict != Verdict::works) co_return state;
  before.reason = "what was in use before still works, what is kept now does not: " + state.reason;
  co_return before;
}

Awaitable<CredentialState> RegistrySource::try_credentials(Call call, std::string challenges,
                                                           std::optional<Credentials> credentials) {
  CredentialState state = told(Verdict::works, credentials ? "accepted" : "accepted without a login");
  if (credentials) state.expires = expiry_of_secret(credentials->password);
  auto value = co_await authorizer_.try_out(call, std::move(challenges), std::move(credentials));
  if (!value) {
    state.verdict = is_refusal(value.error().code()) ? Verdict::rejected : Verdict::cannot_tell;
    state.reason = value.error().message();
    co_return state;
  }
  // A realm that gives a token has judged the login; with Basic the endpoint itself does.
  if (value->starts_with("Bearer ")) co_return state;
  const Question question{.subject = "the API's base"};
  auto reply = co_await exchange(call, question, std::move(*value));
  const auto failure = reply ? failure_of_reply(*reply, question) : std::nullopt;
  if (reply && !failure) co_return state;
  state.verdict = failure && is_refusal(failure->code) ? Verdict::rejected : Verdict::cannot_tell;
  state.reason = failure ? failure->reason : reply.error().message();
  co_return state;
}

}  // namespace lifeboat::upstream
