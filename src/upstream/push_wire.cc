#include "upstream/push_wire.h"

#include <algorithm>
#include <utility>

#include "upstream/failure.h"
#include "upstream/rate_limit.h"
#include "upstream/verdict.h"

namespace lifeboat::upstream {
namespace {

/// Tries of one request: what is known, what the challenge taught, a secret read again.
constexpr int kLoginsMax = 3;
constexpr Duration kPause = std::chrono::milliseconds(500);
/// A registry that takes something does more before it answers than one that gives it.
constexpr Duration kAnswerIn = std::chrono::seconds(30);
constexpr uint64_t kFirstChunkBytes = 64 * kMiB;
constexpr uint64_t kSmallestChunkBytes = kMiB;

}  // namespace

std::optional<Duration> push_pause(const Error& failure, int asked, std::optional<Duration> named) {
  const Culprit culprit = verdict_of(failure.code()).culprit;
  const bool is_passing =
      culprit == Culprit::pace || is_outage(failure.code()) || failure.code() == ErrorCode::internal;
  // What came whole and is not what was asked for will not be the next time.
  const bool is_answer = failure.code() == ErrorCode::corrupt && failure.step() != NetworkStep::body;
  if (asked >= kPushAskedMax || !is_passing || is_answer) return std::nullopt;
  if (named) return *named > kPushPauseMax ? std::nullopt : std::optional(std::max(*named, kPause));
  return kPause * (asked * asked);
}

std::optional<PushFailure> push_failure_of(const sys::HttpClientResponse& response, std::string_view doing,
                                           WallTime now) {
  const int status = response.status;
  // Registries differ in the success they answer with; what is no registry answers with a page.
  const bool is_success = status >= 200 && status < 300;
  auto failure = failure_of({is_success ? 200 : status, response.fields, response.body}, Wanted::manifest);
  if (!failure) return std::nullopt;
  if (is_success) failure->reason = std::to_string(status) + " with HTML, not from a registry";
  if (status == 413) failure->code = ErrorCode::invalid;
  if (status == 507) failure->code = ErrorCode::no_space;
  if (status == 500) failure->code = ErrorCode::internal;
  if (status == 409) failure->code = ErrorCode::conflict;
  return PushFailure{.error = Error(failure->code, std::string(doing) + ": " + failure->reason),
                     .status = status,
                     .named_pause = retry_after_of(response.fields, now)};
}

std::optional<uint64_t> smaller_chunk(uint64_t chunk_bytes) {
  if (chunk_bytes == 0) return kFirstChunkBytes;
  if (chunk_bytes <= kSmallestChunkBytes) return std::nullopt;
  return std::max(chunk_bytes / 4, kSmallestChunkBytes);
}

PushWire::PushWire(Parts parts, Endpoint endpoint, uint64_t bytes_per_second)
    : parts_(parts),
      endpoint_(std::move(endpoint)),
      authorizer_({parts.client, parts.files, parts.disk, {parts.clock, parts.log, unseen_, unheard_}}, endpoint_),
      bandwidth_(bytes_per_second) {}

sys::HttpClientRequest PushWire::request_of(const Order& order, const std::string& authorization) const {
  sys::HttpClientRequest request;
  request.method = order.method;
  request.url = order.url;
  request.fields = order.fields;
  if (!authorization.empty()) request.fields.add("Authorization", authorization);
  request.deadlines = endpoint_.options().deadlines;
  request.deadlines.first_byte = std::max(request.deadlines.first_byte, order.answer_in.value_or(kAnswerIn));
  if (order.has_login) request.trust = endpoint_.trust();
  return request;
}

Task<sys::HttpClientResponse> PushWire::ask(Call call, Order order) {
  for (int asked = 1;; ++asked) {
    // A realm that failed has a breaker, which only a probe closes; whoever asks again waits for it anyway.
    if (authorizer_.next_probe() <= parts_.clock.now()) co_await authorizer_.probe(call);
    std::optional<PushFailure> failure;
    auto response = co_await ask_once(call, order, failure);
    if (response) co_return std::move(*response);
    const auto pause = push_pause(response.error(), asked, failure ? failure->named_pause : std::nullopt);
    const SteadyTime again = parts_.clock.now() + pause.value_or(Duration(0));
    if (!pause || again >= call.deadline()) co_return std::unexpected(std::move(response).error());
    co_await parts_.clock.sleep_until(again);
  }
}

Task<sys::HttpClientResponse> PushWire::ask_once(Call call, const Order& order, std::optional<PushFailure>& failure) {
  std::string authorization;
  if (order.has_login) {
    LB_CO_TRY(authorization, co_await authorizer_.field_for(call, order.scope));
  }
  for (int tries = 1;; ++tries) {
    sys::HttpClientRequest request = request_of(order, authorization);
    request.body = order.body;
    LB_CO_TRY(auto response, co_await parts_.client.send(call, std::move(request)));
    if (response.status == 404 && order.is_missing_fine) co_return std::move(response);
    failure = push_failure_of(response, order.doing, parts_.clock.wall());
    if (!failure) {
      if (!authorization.empty()) authorizer_.note_accepted(authorization);
      co_return std::move(response);
    }
    const bool may_log_in = response.status == 401 && order.has_login && tries < kLoginsMax;
    if (!may_log_in) co_return std::unexpected(failure->error);
    LB_CO_TRY(authorization, co_await authorizer_.answer(call, order.scope, response.fields, authorization));
  }
}

Task<PushWire::Running> PushWire::begin(Call call, Order order, uint64_t body_bytes) {
  Running running;
  if (order.has_login) {
    LB_CO_TRY(running.authorization, co_await authorizer_.field_for(std::move(call), order.scope));
  }
  LB_CO_TRY(running.upload, parts_.client.upload(request_of(order, running.authorization), body_bytes));
  co_return running;
}

Task<void> PushWire::log_in_again(Call call, const Order& order, const sys::HttpClientResponse& response,
                                  std::string used) {
  LB_CO_TRY(const std::string next,
            co_await authorizer_.answer(std::move(call), order.scope, response.fields, std::move(used)));
  co_return Status{};
}

void PushWire::note_accepted(const std::string& used) {
  if (!used.empty()) authorizer_.note_accepted(used);
}

Awaitable<void> PushWire::wait_for_bandwidth(uint64_t bytes) {
  co_await parts_.clock.sleep_until(bandwidth_.reserve(bytes, parts_.clock.now()));
}

bool PushWire::shrink_chunks(uint64_t sent) {
  const uint64_t known = chunk_bytes();
  // Others may have found out meanwhile.
  if (known != 0 && known < sent) return true;
  auto smaller = smaller_chunk(known);
  while (smaller && *smaller >= sent) smaller = smaller_chunk(*smaller);
  if (!smaller) return false;
  chunk_bytes_.store(*smaller, std::memory_order_relaxed);
  return true;
}

}  // namespace lifeboat::upstream
