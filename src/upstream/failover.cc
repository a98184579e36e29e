#include "upstream/failover.h"

#include <algorithm>

#include "base/assert.h"
#include "upstream/verdict.h"

namespace lifeboat::upstream {
Error most_telling(const std::vector<Error>& failures) {
  LB_ASSERT(!failures.empty());
  const auto first =
      std::ranges::min_element(failures, {}, [](const Error& error) { return verdict_of(error.code()).rank; });
  Error result = *first;
  for (auto other = failures.begin(); other != failures.end(); ++other) {
    if (other != first) result = std::move(result).with_context("; " + other->message());
  }
  return result;
}

SteadyTime share_of(SteadyTime now, SteadyTime deadline, std::size_t endpoints_left) {
  if (endpoints_left <= 1 || deadline <= now) return deadline;
  return now + (deadline - now) / static_cast<SteadyTime::rep>(endpoints_left);
}

}  // namespace lifeboat::upstream
