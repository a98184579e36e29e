#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace lifeboat::upstream {

/// What is known of one endpoint when a request comes.
struct EndpointView {
  bool can_be_asked = true;             ///< its breakers are closed, no rate limit runs, it serves the repository
  std::optional<SteadyTime> lied_at{};  ///< it sent wrong bytes for the same content then, and that counts still
};

/// Whom one request asks, and in which order.
struct Candidates {
  std::vector<std::size_t> order{};  ///< numbers of endpoints, each once
  std::size_t trusted = 0;           ///< so many at the front can be asked and did not lie
  std::size_t askable = 0;           ///< so many at the front can be asked
  friend bool operator==(const Candidates&, const Candidates&) = default;
};

/// Who can be asked in the order of the configuration; behind them who lied, the oldest lie first: when everybody did
/// once, one has to be asked again. At the end who cannot be asked: that costs nothing, and its reason belongs into the
/// answer, since another endpoint's "not found" is none while it is away.
Candidates candidates_of(const std::vector<EndpointView>& endpoints);

/// What to say when every endpoint failed: the failure with the lowest rank (verdict.h), among equals the first.
/// `failures` is in the order of the endpoints and not empty; the others are named behind it.
Error most_telling(const std::vector<Error>& failures);

/// Until when one endpoint may try when `endpoints_left` that can be asked (itself included) share the time to
/// `deadline`: a first one that hangs must leave time for the next.
SteadyTime share_of(SteadyTime now, SteadyTime deadline, std::size_t endpoints_left);

}  // namespace lifeboat::upstream
