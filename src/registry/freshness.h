#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "base/time.h"
#include "oci/reference.h"
#include "oci/repository_id.h"
#include "registry/upstream_host.h"

/// What to do about a tag of an upstream: pure decisions, one table of tests (DESIGN §4).
namespace lifeboat::registry {

/// What we hold of a tag.
struct HeldTag {
  WallTime checked{};  ///< when the upstream last spoke of it
  bool is_gone_upstream = false;
  WallTime confirmed{};  ///< of one that is gone: when the upstream last had it
};

/// Before the upstream is asked.
enum class BeforeAsking {
  serve,       ///< confirmed lately
  serve_gone,  ///< the upstream lately said it has it no more: keep serving, and say so
  serve_late,  ///< to be confirmed, but the upstream is short of requests: keep serving for a while, and say so
  revalidate,  ///< ask, with the held copy in hand
  fetch,       ///< ask, with nothing in hand
};
/// `is_short`: the upstream will soon take no more requests (blob/source.h).
BeforeAsking before_asking(const std::optional<HeldTag>& held, WallTime now, const FreshnessPolicy& policy,
                           bool is_short);

/// After the upstream was asked and did not confirm or deliver: `failure` is the source's code (timed_out when the wait
/// was over first).
struct AfterFailure {
  enum class Kind {
    serve_stale,  ///< the held copy, marked with `reason`
    serve_gone,   ///< the held copy, marked as gone upstream
    not_found,    ///< 404: nothing held (or dropped, by policy), and the upstream is entitled to say so (promise 2)
    unavailable,  ///< 503 with Retry-After
  };
  Kind kind = Kind::unavailable;
  std::string reason;  ///< "unavailable", "timeout", "credential", "rate-limited", "wrong-content", "gone"
};
AfterFailure after_failure(const std::optional<HeldTag>& held, ErrorCode failure, WallTime now,
                           const FreshnessPolicy& policy);

/// Whether a source that failed so may still have what a held copy lacks: it was slow, wants a pause, or said something
/// of the tag alone.
bool may_supply_the_rest(ErrorCode failure);

/// How long one confirmation of a tag is good: up to a tenth less than `fresh_for`, another share for each tag and each
/// time, so that what one deploy pulled together is not confirmed together ever after.
Duration window_of(Duration fresh_for, const oci::RepositoryId& repository, const oci::Tag& tag, WallTime checked);
/// The shortest that can be.
Duration window_min(Duration fresh_for);

/// With a source that is short of requests, a held tag is good for longer: better late than refused.
Duration stretched(Duration fresh_for);

/// How an answer that is not fresh is marked: `Warning: 110` and `X-Lifeboat-Stale: <reason>; age=<seconds>`.
struct Staleness {
  std::string reason;
  std::chrono::seconds age{0};
};

}  // namespace lifeboat::registry
