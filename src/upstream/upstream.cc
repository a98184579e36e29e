#include "upstream/upstream.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/assert.h"
#include "sys/beside.h"
#include "sys/notification.h"
#include "upstream/failover.h"
#include "upstream/failure.h"
#include "upstream/verdict.h"

namespace lifeboat::upstream {
namespace {

/// An endpoint that sent wrong bytes is asked for this content behind all others until then.
constexpr Duration kRejectFor = std::chrono::minutes(5);
/// How often one body is taken up again. Each time needs progress, so this bounds only what trickles.
constexpr int kContinuationsMax = 16;
/// The head of a continuation; whoever reads the body is waiting.
constexpr Duration kContinueWithin = std::chrono::seconds(10);

}  // namespace

/// A body that the next endpoint continues where one broke it off. Whether the parts belong together is for the digest
/// to say; when it says no, every endpoint that gave a part is rejected.
class Upstream::ContinuedStream final : public blob::Stream {
 public:
  ContinuedStream(Upstream& upstream, oci::RepositoryId repository, oci::Digest digest, uint64_t from, Opened first,
                  std::string request_id)
      : upstream_(upstream),
        repository_(std::move(repository)),
        digest_(digest),
        request_id_(std::move(request_id)),
        size_bytes_(first.stream->size_bytes()),
        current_(std::move(first)),
        offset_(from),
        asked_at_(upstream.endpoints_.size(), kNever) {
    asked_at_.at(current_.endpoint) = from;
    givers_.insert(current_.endpoint);
  }

  std::optional<uint64_t> size_bytes() const override { return size_bytes_; }
  std::string endpoint() const override { return upstream_.endpoints_.at(current_.endpoint).name; }

  Task<sys::Block> next() override {
    for (;;) {
      auto block = co_await current_.stream->next();
      const bool is_short = block && block->size() == 0 && size_bytes_ && offset_ < *size_bytes_;
      if (is_short) {
        block = fail(ErrorCode::corrupt, "cannot read blob '" + digest_.to_string() + "': it ended early (got " +
                                             std::to_string(offset_) + " bytes, want " + std::to_string(*size_bytes_) +
                                             ")");
      }
      if (block) {
        offset_ += block->size();
        co_return std::move(*block);
      }
      // Without an announced size nobody could tell a body that was continued from one that was cut.
      const bool can_continue = is_outage(block.error().code()) && size_bytes_ && offset_ < *size_bytes_;
      if (!can_continue) co_return std::unexpected(std::move(block).error());
      LB_CO_CHECK(co_await take_up(std::move(block).error()));
    }
  }

  void reject() override {
    current_.stream->reject();
    for (const std::size_t endpoint : givers_) upstream_.reject(digest_, endpoint);
  }

 private:
  static constexpr uint64_t kNever = UINT64_MAX;

  /// Those behind the one that failed, those before it, itself, and then those that lied; each once per offset.
  Task<void> take_up(Error failure) {
    Candidates candidates = upstream_.candidates_for(repository_, &digest_);
    auto& order = candidates.order;
    if (const auto own = std::ranges::find(order, current_.endpoint); own != order.end()) {
      const auto trusted_end = order.begin() + static_cast<std::ptrdiff_t>(candidates.trusted);
      if (own < trusted_end) std::rotate(order.begin(), own + 1, trusted_end);
    }
    for (const std::size_t next : order) {
      if (continuations_ >= kContinuationsMax) break;
      if (std::exchange(asked_at_.at(next), offset_) == offset_) continue;
      const Leave leave = upstream_.leave_for(next, current_.endpoint, failure);
      if (!leave.is_given) break;
      const Call call(upstream_.clock_.now() + kContinueWithin, request_id_);
      auto stream = co_await upstream_.endpoints_.at(next).source->open(call, repository_, digest_, offset_);
      upstream_.settle(leave, next, stream ? nullptr : &stream.error());
      const bool is_the_same = stream && (*stream)->size_bytes() == size_bytes_;
      if (!is_the_same) continue;
      ++continuations_;
      upstream_.log_.warning("fetch.continued", {{"repository", repository_.to_string()},
                                                 {"digest", digest_.to_string()},
                                                 {"offset", offset_},
                                                 {"from_endpoint", upstream_.endpoints_.at(current_.endpoint).name},
                                                 {"to_endpoint", upstream_.endpoints_.at(next).name},
                                                 {"reason", failure.message()},
                                                 {"request_id", request_id_}});
      current_ = Opened{std::move(*stream), next};
      givers_.insert(next);
      co_return Status{};
    }
    co_return std::unexpected(std::move(failure));
  }

  // constant after construction
  Upstream& upstream_;
  const oci::RepositoryId repository_;
  const oci::Digest digest_;
  const std::string request_id_;
  const std::optional<uint64_t> size_bytes_;

  Opened current_;
  uint64_t offset_;                 ///< the byte that comes next
  std::vector<uint64_t> asked_at_;  ///< by endpoint: the offset it was asked for last
  std::set<std::size_t> givers_;    ///< who gave a part
  int continuations_ = 0;
};

Upstream::Upstream(Parts parts, std::vector<Member> endpoints, Duration hedge_after)
    : clock_(parts.clock),
      log_(parts.log),
      endpoints_(std::move(endpoints)),
      retries_(counters_of(parts.metrics, endpoints_)),
      hedge_after_(hedge_after),
      budget_(parts.clock) {
  LB_ASSERT(!endpoints_.empty());
}

std::vector<Upstream::Counters> Upstream::counters_of(sys::Metrics& metrics, const std::vector<Member>& endpoints) {
  const auto counter = [&](const Member& endpoint, std::string_view result) -> sys::Counter& {
    return metrics.counter(kRetriesName, kRetriesHelp, {{"host", endpoint.name}, {"result", result}});
  };
  std::vector<Counters> all;
  for (const Member& one : endpoints) all.push_back({counter(one, "made"), counter(one, "refused")});
  return all;
}

Upstream::Leave Upstream::leave_for(std::size_t next, std::size_t failed, const Error& failure) {
  // Another endpoint that is well is not hammered by what fails elsewhere.
  const bool is_again = next == failed || endpoints_.at(next).source->is_failing();
  const bool is_retry = is_outage(failure.code()) && failure.step() != NetworkStep::not_sent && is_again &&
                        (next == failed || endpoints_.at(failed).source->can_be_asked());
  if (!is_retry) return {};
  const bool is_given = budget_.take();
  if (!is_given) retries_.at(next).refused.add();
  return {.is_given = is_given, .is_drawn = is_given};
}

void Upstream::settle(Leave leave, std::size_t endpoint, const Error* failure) {
  if (!leave.is_drawn) return;
  const bool was_asked = failure == nullptr || failure->step() != NetworkStep::not_sent;
  if (was_asked) {
    retries_.at(endpoint).made.add();
  } else {
    budget_.give_back();
  }
}
Upstream::~Upstream() = default;

bool Upstream::is_short_of_requests() const {
  const auto first = std::ranges::find_if(endpoints_, [](const Member& one) { return one.source->can_be_asked(); });
  return first != endpoints_.end() && first->source->is_short_of_requests();
}

Candidates Upstream::candidates_for(const oci::RepositoryId& repository, const oci::Digest* digest) const {
  std::vector<EndpointView> views;
  for (const Member& one : endpoints_) views.push_back({.can_be_asked = one.source->can_be_asked_for(repository)});
  if (digest == nullptr) return candidates_of(views);
  const SteadyTime now = clock_.now();
  rejected_.with([&](const auto& rejected) {
    const auto found = rejected.find(*digest);
    if (found == rejected.end()) return;
    for (const Rejection& one : found->second) {
      if (now < one.at + kRejectFor) views.at(one.endpoint).lied_at = one.at;
    }
  });
  return candidates_of(views);
}

void Upstream::reject(const oci::Digest& digest, std::size_t endpoint) {
  const SteadyTime now = clock_.now();
  rejected_.with([&](auto& rejected) {
    for (auto& [other, lies] : rejected) {
      std::erase_if(lies, [&](const Rejection& one) {
        return one.at + kRejectFor <= now || (other == digest && one.endpoint == endpoint);
      });
    }
    std::erase_if(rejected, [](const auto& entry) { return entry.second.empty(); });
    rejected[digest].push_back({endpoint, now});
  });
}

template <class Value, class Ask>
Task<Value> Upstream::first_of(Call call, Candidates candidates, Ask ask) {
  std::vector<Error> failures;
  std::size_t left = candidates.askable;
  std::size_t last = 0;
  budget_.note_request();
  for (const std::size_t endpoint : candidates.order) {
    const Leave leave = failures.empty() ? Leave{} : leave_for(endpoint, last, failures.back());
    if (!leave.is_given) break;
    const SteadyTime until = share_of(clock_.now(), call.deadline(), left);
    if (left > 0) --left;
    Result<Value> result = co_await ask(endpoint, call.shortened_to(until));
    settle(leave, endpoint, result ? nullptr : &result.error());
    if (result) co_return result;
    failures.push_back(std::move(result).error());
    last = endpoint;
    if (!verdict_of(failures.back().code()).asks_next()) break;
  }
  co_return std::unexpected(most_telling(failures));
}

/// The attempts at one question, all on the loop of who asks. Outlives the question while one is still under way.
template <class Value>
struct Upstream::Race {
  sys::Notification changed;
  std::vector<std::pair<std::size_t, Result<Value>>> outcomes;  ///< by attempt, in the order they came
};

template <class Value>
Awaitable<void> Upstream::run(std::shared_ptr<Race<Value>> race, std::size_t attempt,
                              std::shared_ptr<blob::Source> /*keep_alive*/, Task<Value> question) {
  auto outcome = co_await std::move(question);
  race->outcomes.emplace_back(attempt, std::move(outcome));
  race->changed.notify_all();
}

template <class Value, class Ask>
Task<Value> Upstream::hedged_first_of(Call call, Candidates candidates, Ask ask) {
  const auto race = std::make_shared<Race<Value>>();
  std::vector<Leave> leaves;
  std::vector<Error> failures;
  std::size_t last_failed = 0;
  bool may_hedge = true;
  SteadyTime hedge_at{};
  budget_.note_request();
  for (;;) {
    const uint64_t seen = race->changed.version();
    while (failures.size() < race->outcomes.size()) {
      auto& [attempt, outcome] = race->outcomes.at(failures.size());
      settle(leaves.at(attempt), candidates.order.at(attempt), outcome ? nullptr : &outcome.error());
      if (outcome) co_return std::move(*outcome);
      failures.push_back(std::move(outcome).error());
      last_failed = candidates.order.at(attempt);
      hedge_at = clock_.now();  // the next one has nothing to wait for
      if (!verdict_of(failures.back().code()).asks_next()) co_return std::unexpected(std::move(failures.back()));
    }
    const bool is_any_asked = failures.size() < leaves.size();
    const bool is_any_left = leaves.size() < candidates.order.size();
    if (!is_any_asked && !is_any_left) break;
    if (is_any_asked && (!is_any_left || !may_hedge)) {
      co_await race->changed.wait(seen, SteadyTime::max());  // each ends by the deadline of the call
      continue;
    }
    if (is_any_asked && clock_.now() < hedge_at) {
      co_await race->changed.wait(seen, hedge_at);
      continue;
    }
    const std::size_t next = candidates.order.at(leaves.size());
    Leave leave;
    if (is_any_asked && endpoints_.at(next).source->can_be_asked()) {
      // Counted now: nobody may be there any more when it ends.
      may_hedge = leave.is_given = budget_.take();
      (leave.is_given ? retries_.at(next).made : retries_.at(next).refused).add();
    } else if (!is_any_asked && !failures.empty()) {
      leave = leave_for(next, last_failed, failures.back());
      if (!leave.is_given) break;
    }
    if (!leave.is_given) continue;
    const std::size_t attempt = leaves.size();
    leaves.push_back(leave);
    hedge_at = clock_.now() + hedge_after_;
    co_await sys::start_beside(run<Value>(race, attempt, endpoints_.at(next).source, ask(next, call)));
  }
  co_return std::unexpected(most_telling(failures));
}

template <class Value, class Ask>
Task<Value> Upstream::head_of(Call call, Candidates candidates, Ask ask) {
  if (hedge_after_ > Duration(0)) return hedged_first_of<Value>(std::move(call), std::move(candidates), ask);
  return first_of<Value>(std::move(call), std::move(candidates), ask);
}

Task<blob::ResolvedTag> Upstream::resolve(Call call, oci::RepositoryId repository, oci::Tag tag) {
  const auto ask = [&](std::size_t endpoint, Call share) {
    return endpoints_.at(endpoint).source->resolve(std::move(share), repository, tag);
  };
  co_return co_await head_of<blob::ResolvedTag>(std::move(call), candidates_for(repository, nullptr), ask);
}

Task<blob::FetchedManifest> Upstream::manifest(Call call, oci::RepositoryId repository, oci::Reference reference) {
  const auto ask = [&](std::size_t endpoint, Call share) {
    return endpoints_.at(endpoint).source->manifest(std::move(share), repository, reference);
  };
  co_return co_await head_of<blob::FetchedManifest>(std::move(call), candidates_for(repository, nullptr), ask);
}

Task<Upstream::Opened> Upstream::open_at(std::shared_ptr<blob::Source> source, std::size_t endpoint, Call call,
                                         oci::RepositoryId repository, oci::Digest digest, uint64_t from) {
  LB_CO_TRY(auto stream, co_await source->open(std::move(call), std::move(repository), digest, from));
  co_return Opened{std::move(stream), endpoint};
}

Task<std::unique_ptr<blob::Stream>> Upstream::open(Call call, oci::RepositoryId repository, oci::Digest digest,
                                                   uint64_t from) {
  const auto ask = [&](std::size_t endpoint, Call share) {
    return open_at(endpoints_.at(endpoint).source, endpoint, std::move(share), repository, digest, from);
  };
  LB_CO_TRY(Opened first, co_await head_of<Opened>(call, candidates_for(repository, &digest), ask));
  co_return std::make_unique<ContinuedStream>(*this, std::move(repository), digest, from, std::move(first),
                                              call.request_id());
}

Task<blob::Source::TagPage> Upstream::tags(Call call, oci::RepositoryId repository, std::string last,
                                           std::size_t limit) {
  const auto ask = [&](std::size_t endpoint, Call share) {
    return endpoints_.at(endpoint).source->tags(std::move(share), repository, last, limit);
  };
  co_return co_await first_of<TagPage>(std::move(call), candidates_for(repository, nullptr), ask);
}

Task<std::vector<oci::Referrer>> Upstream::referrers(Call call, oci::RepositoryId repository, oci::Digest subject) {
  const auto ask = [&](std::size_t endpoint, Call share) {
    return endpoints_.at(endpoint).source->referrers(std::move(share), repository, subject);
  };
  co_return co_await first_of<std::vector<oci::Referrer>>(std::move(call), candidates_for(repository, nullptr), ask);
}

bool Upstream::can_be_asked_for(const oci::RepositoryId& repository) const {
  return std::ranges::any_of(endpoints_,
                             [&](const Member& member) { return member.source->can_be_asked_for(repository); });
}

bool Upstream::can_be_asked() const {
  return std::ranges::any_of(endpoints_, [](const Member& member) { return member.source->can_be_asked(); });
}

}  // namespace lifeboat::upstream
