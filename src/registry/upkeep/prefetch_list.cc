#include "registry/upkeep/prefetch_list.h"

#include <algorithm>
#include <utility>

#include "registry/random_id.h"

namespace lifeboat::registry {
namespace {

constexpr Duration kTryAgain = std::chrono::minutes(1);
constexpr Duration kResolveWithin = std::chrono::seconds(30);

}  // namespace

void PrefetchList::replace(std::vector<oci::FullReference> references, Duration every) {
  order_.with([&](Order& order) { order = {std::move(references), every, order.number + 1}; });
  changed_.notify_all();
}

void PrefetchList::stop() {
  is_stopping_ = true;
  changed_.notify_all();
}

uint64_t PrefetchList::number() const {
  return order_.with([](const Order& order) { return order.number; });
}

Awaitable<void> PrefetchList::run() {
  while (!is_stopping_) {
    const Order order = order_.with([](const Order& current) { return current; });
    co_await round(order);
    SteadyTime next = SteadyTime::max();
    if (order.every > Duration(0) && !order.references.empty()) next = parts_.clock.now() + order.every;
    // A node that starts in an outage does not wait a whole round for its end.
    if (!failing_.empty()) next = std::min(next, parts_.clock.now() + kTryAgain);
    while (!is_stopping_ && number() == order.number && parts_.clock.now() < next) {
      const uint64_t seen = changed_.version();
      if (is_stopping_ || number() != order.number) break;
      co_await changed_.wait(seen, next);
    }
  }
}

/// One after the other: nobody waits for it, and what clients ask for comes first.
Awaitable<void> PrefetchList::round(const Order& order) {
  for (const oci::FullReference& reference : order.references) {
    if (is_stopping_ || number() != order.number) co_return;
    const auto outcome = std::make_shared<Outcome>();
    parts_.loops.spawn(0, prefetch(reference, outcome));
    std::optional<Result<oci::Digest>> result;
    while (!result && !is_stopping_) {
      const uint64_t seen = changed_.version();
      result = outcome->with([](const auto& value) { return value; });
      if (result || is_stopping_) break;
      co_await changed_.wait(seen, SteadyTime::max());
    }
    if (result) note(reference, *result);
  }
  std::erase_if(failing_, [&](const auto& one) {
    return std::ranges::find(order.references, one.first) == order.references.end();
  });
}

Awaitable<void> PrefetchList::prefetch(oci::FullReference reference, std::shared_ptr<Outcome> outcome) {
  Result<oci::Digest> result = co_await resolve(std::move(reference));
  outcome->with([&](auto& value) { value = std::move(result); });
  changed_.notify_all();
}

Task<oci::Digest> PrefetchList::resolve(oci::FullReference reference) {
  const Call call(parts_.clock.now() + kResolveWithin, random_upload_id().to_string());
  LB_CO_TRY(const Addressing::Meaning meaning, co_await parts_.addressing.meaning_of(call, reference));
  LB_CO_TRY(const Prefetched done, co_await parts_.capture.hold(call, meaning.repository, reference.reference));
  co_return done.digest;
}

void PrefetchList::note(const oci::FullReference& reference, const Result<oci::Digest>& result) {
  const auto before = failing_.find(reference);
  if (result) {
    if (before == failing_.end()) return;
    failing_.erase(before);
    parts_.log.info("prefetch.resolved", {{"reference", reference.to_string()}, {"manifest", result->to_string()}});
    return;
  }
  const Error& error = result.error();
  if (before != failing_.end() && before->second == error.code()) return;
  failing_.insert_or_assign(reference, error.code());
  parts_.log.warning("prefetch.failed", {{"reference", reference.to_string()}, {"reason", error.message()}});
}

}  // namespace lifeboat::registry
