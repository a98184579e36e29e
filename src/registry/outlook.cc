#include "registry/outlook.h"

#include <array>
#include <utility>

namespace lifeboat::registry {
namespace {

using Answer = Outlook::Answer;

bool is_reachable(const Standing& standing) { return standing.is_configured && standing.can_be_asked; }

/// A held tag. `is_alone`: nothing that is missing can be had now.
Outlook held(const Standing& standing, Answer answer, std::string reason, bool is_alone) {
  if (!is_alone) return {.answer = answer, .reason = std::move(reason), .fetches_rest = !standing.is_pullable};
  if (standing.is_pullable) return {.answer = answer, .reason = std::move(reason)};
  if (reason.empty()) reason = "unavailable";
  return {.answer = standing.has_earlier ? Answer::earlier : Answer::unavailable, .reason = std::move(reason)};
}

/// The upstream did not confirm or deliver.
Outlook failed(const Standing& standing, ErrorCode code) {
  AfterFailure after = after_failure(standing.tag, code, standing.now, standing.policy);
  const bool is_alone = !is_reachable(standing) || !may_supply_the_rest(code);
  switch (after.kind) {
    case AfterFailure::Kind::serve_stale: return held(standing, Answer::stale, std::move(after.reason), is_alone);
    case AfterFailure::Kind::serve_gone: return held(standing, Answer::gone, std::move(after.reason), is_alone);
    case AfterFailure::Kind::not_found: return {.answer = Answer::not_found};
    case AfterFailure::Kind::unavailable: break;
  }
  return {.answer = Answer::unavailable, .reason = std::move(after.reason)};
}

Outlook of_upstream_tag(const Standing& standing) {
  if (!standing.is_configured && !standing.tag) return {.answer = Answer::not_found};
  const BeforeAsking before = before_asking(standing.tag, standing.now, standing.policy, standing.is_short);
  if (before == BeforeAsking::serve) return held(standing, Answer::store, "", !is_reachable(standing));
  if (before == BeforeAsking::serve_gone) return held(standing, Answer::gone, "gone", !is_reachable(standing));
  if (before == BeforeAsking::serve_late) {
    return held(standing, Answer::stale, "rate-limited", !is_reachable(standing));
  }
  if (!is_reachable(standing)) return failed(standing, ErrorCode::unavailable);
  Outlook outlook{.answer = Answer::ask, .when_silent = failed(standing, ErrorCode::timed_out).answer};
  if (standing.tag) outlook.waits_at_most = standing.policy.revalidate_within;
  return outlook;
}

Outlook of_digest(const Standing& standing) {
  if (standing.is_here && standing.is_pullable) return {.answer = Answer::store};
  const bool is_upstreams = !standing.is_hosted && standing.is_configured;
  const bool is_to_be_had = is_upstreams && standing.can_be_asked;
  if (standing.is_here) {
    return {.answer = is_to_be_had ? Answer::store : Answer::incomplete, .fetches_rest = is_to_be_had};
  }
  if (!is_upstreams) return {.answer = Answer::not_found};
  if (is_to_be_had) return {.answer = Answer::ask, .when_silent = Answer::unavailable};
  return {.answer = Answer::unavailable, .reason = "unavailable"};
}

constexpr std::array<std::pair<Answer, std::string_view>, 8> kNames{{{Answer::store, "store"},
                                                                     {Answer::ask, "ask"},
                                                                     {Answer::stale, "stale"},
                                                                     {Answer::gone, "gone"},
                                                                     {Answer::earlier, "earlier"},
                                                                     {Answer::incomplete, "incomplete"},
                                                                     {Answer::unavailable, "unavailable"},
                                                                     {Answer::not_found, "not_found"}}};

}  // namespace

Outlook outlook_of(const Standing& standing) {
  if (!standing.is_tag) return of_digest(standing);
  if (!standing.is_hosted) return of_upstream_tag(standing);
  if (!standing.tag) return {.answer = Answer::not_found};
  if (!standing.is_here) return {.answer = Answer::unavailable};  // damaged: nobody has it
  return {.answer = standing.is_pullable ? Answer::store : Answer::incomplete};
}

int status_of(Answer answer) {
  if (answer == Answer::not_found) return 404;
  return answer == Answer::unavailable ? 503 : 200;
}

bool would_succeed(const Outlook& outlook) {
  return status_of(outlook.answer) == 200 && outlook.answer != Answer::incomplete;
}

std::string_view to_string(Answer answer) {
  for (const auto& [known, name] : kNames) {
    if (known == answer) return name;
  }
  return {};
}

std::optional<Answer> parse_answer(std::string_view text) {
  for (const auto& [known, name] : kNames) {
    if (name == text) return known;
  }
  return std::nullopt;
}

}  // namespace lifeboat::registry
