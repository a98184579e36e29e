#pragma once

#include <array>
#include <cstddef>

#include "base/error.h"

/// Failure → culprit → what the upstream side does about it: THE table. failure.h tells which class an answer is,
/// registry/freshness.h what a held copy is worth then, http/error_response.h what a client is told.
namespace lifeboat::upstream {

enum class Culprit {
  endpoint,    ///< it, or the way to it, is broken, or it lies
  pace,        ///< nobody's fault: we ask too often
  credential,  ///< ours was refused, or does not suffice
  name,        ///< there is no such thing there
  question,    ///< it does not know what we ask, or dislikes how
  ourselves,   ///< our disk, our state
  asker,       ///< who asked has left
};

/// What it means for the breaker (health.h) of the endpoint, or of the token realm, that failed so.
enum class BreakerEffect {
  none,    ///< it answered: it is well
  counts,  ///< one of those that open it; one is enough where there was no connection (outage_of)
  pauses,  ///< it is well, and not to be asked before a pause has passed
};

struct Verdict {
  ErrorCode code;
  Culprit culprit;
  /// When every endpoint failed, the failure with the least is what is said: an outage before anything else, since the
  /// endpoint that is down may have what the others do not; not_found only when all said so.
  int rank;

  constexpr BreakerEffect breaker() const {
    if (culprit == Culprit::endpoint) return BreakerEffect::counts;
    return culprit == Culprit::pace ? BreakerEffect::pauses : BreakerEffect::none;
  }
  /// Whether the next endpoint is asked: a mirror may have what its origin lost, and other credentials.
  constexpr bool asks_next() const { return culprit != Culprit::asker; }
};

/// In the order of ErrorCode.
inline constexpr std::array kVerdicts{
    Verdict{ErrorCode::not_found, Culprit::name, 8},       Verdict{ErrorCode::invalid, Culprit::question, 7},
    Verdict{ErrorCode::conflict, Culprit::ourselves, 6},   Verdict{ErrorCode::unauthorized, Culprit::credential, 4},
    Verdict{ErrorCode::denied, Culprit::credential, 5},    Verdict{ErrorCode::unavailable, Culprit::endpoint, 1},
    Verdict{ErrorCode::timed_out, Culprit::endpoint, 1},   Verdict{ErrorCode::too_many, Culprit::pace, 2},
    Verdict{ErrorCode::corrupt, Culprit::endpoint, 3},     Verdict{ErrorCode::no_space, Culprit::ourselves, 6},
    Verdict{ErrorCode::unsupported, Culprit::question, 7}, Verdict{ErrorCode::cancelled, Culprit::asker, 0},
    Verdict{ErrorCode::internal, Culprit::ourselves, 6},
};

constexpr const Verdict& verdict_of(ErrorCode code) { return kVerdicts.at(static_cast<std::size_t>(code)); }

static_assert([] {
  for (std::size_t i = 0; i < kVerdicts.size(); ++i) {
    if (kVerdicts.at(i).code != static_cast<ErrorCode>(i)) return false;
  }
  return kVerdicts.size() == static_cast<std::size_t>(ErrorCode::internal) + 1;
}());

}  // namespace lifeboat::upstream
