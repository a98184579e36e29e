#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "registry/freshness.h"

/// What a pull would get now, without asking anybody: the decisions of Pull, taken in advance. Pure.
namespace lifeboat::registry {

/// What is known of a reference.
struct Standing {
  bool is_tag = true;  ///< else a digest
  bool is_hosted = false;
  bool is_configured = true;  ///< its upstream
  bool can_be_asked = true;   ///< the upstream, as far as is known (blob::Source)
  bool is_short = false;      ///< it will soon take no more requests
  std::optional<HeldTag> tag{};
  bool is_here = false;      ///< the manifest that is meant
  bool is_pullable = false;  ///< and all under it, for one platform at least
  bool has_earlier = false;  ///< the tag was something before that can be pulled
  FreshnessPolicy policy{};
  WallTime now{};
};

struct Outlook {
  enum class Answer {
    store,        ///< 200 from the store, nobody is asked
    ask,          ///< the upstream is asked, and decides
    stale,        ///< 200 with the held copy, marked with the reason
    gone,         ///< the same, since the upstream has it no more
    earlier,      ///< 200 with what the tag was before: what it is now is not all here
    incomplete,   ///< 200 for the manifest, and 503 for what it names and is not here
    unavailable,  ///< 503
    not_found,    ///< 404
  };
  Answer answer = Answer::not_found;
  std::string reason{};                     ///< of stale, gone, earlier and unavailable, as X-Lifeboat-Stale has it
  std::optional<Answer> when_silent{};      ///< of `ask`: when the upstream does not answer in time
  std::optional<Duration> waits_at_most{};  ///< of `ask`: with a copy in hand
  bool fetches_rest = false;                ///< what it names is not all here, and fetched when it is asked for
  friend bool operator==(const Outlook&, const Outlook&) = default;
};

Outlook outlook_of(const Standing& standing);
/// Of the manifest; 200 for `ask`, as far as is known.
int status_of(Outlook::Answer answer);
/// Whether the whole pull would, as far as is known.
bool would_succeed(const Outlook& outlook);
std::string_view to_string(Outlook::Answer answer);
std::optional<Outlook::Answer> parse_answer(std::string_view text);

}  // namespace lifeboat::registry
