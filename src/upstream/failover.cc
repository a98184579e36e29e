#include "upstream/failover.h"

#include <algorithm>

#include "base/assert.h"

namespace lifeboat::upstream {
namespace {

/// The lower, the more it tells.
int rank_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::cancelled: return 0;
    case ErrorCode::unavailable:
    case ErrorCode::timed_out: return 1;
    case ErrorCode::too_many: return 2;
    case ErrorCode::corrupt: return 3;
    case ErrorCode::unauthorized: return 4;
    case ErrorCode::denied: return 5;
    case ErrorCode::internal:
    case ErrorCode::no_space:
    case ErrorCode::conflict: return 6;
    case ErrorCode::unsupported:
    case ErrorCode::invalid: return 7;
    case ErrorCode::not_found: return 8;
  }
  return 6;
}

}  // namespace

Error most_telling(const std::vector<Error>& failures) {
  LB_ASSERT(!failures.empty());
  const auto first = std::ranges::min_element(failures, {}, [](const Error& error) { return rank_of(error.code()); });
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
