#include "upstream/failover.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/assert.h"
#include "upstream/verdict.h"

namespace lifeboat::upstream {

Candidates candidates_of(const std::vector<EndpointView>& endpoints) {
  std::vector<std::size_t> liars;
  std::vector<std::size_t> away;
  Candidates candidates;
  for (std::size_t number = 0; number < endpoints.size(); ++number) {
    const EndpointView& endpoint = endpoints.at(number);
    auto& place = !endpoint.can_be_asked ? away : endpoint.lied_at ? liars : candidates.order;
    place.push_back(number);
  }
  std::ranges::sort(liars, {}, [&](std::size_t number) { return std::pair(*endpoints.at(number).lied_at, number); });
  candidates.trusted = candidates.order.size();
  candidates.askable = candidates.trusted + liars.size();
  candidates.order.insert(candidates.order.end(), liars.begin(), liars.end());
  candidates.order.insert(candidates.order.end(), away.begin(), away.end());
  return candidates;
}

Error most_telling(const std::vector<Error>& failures) {
  LB_ASSERT(!failures.empty());
  const auto first =
      std::ranges::min_element(failures, {}, [](const Error& error) { return verdict_of(error.code()).rank; });
  std::string message(first->message());
  for (auto other = failures.begin(); other != failures.end(); ++other) {
    if (other != first) message.append("; ").append(other->message());
  }
  return Error(first->code(), std::move(message)).at(first->step());
}

SteadyTime share_of(SteadyTime now, SteadyTime deadline, std::size_t endpoints_left) {
  if (endpoints_left <= 1 || deadline <= now) return deadline;
  return now + (deadline - now) / static_cast<SteadyTime::rep>(endpoints_left);
}

}  // namespace lifeboat::upstream
