#include "registry/outlook.h"

#include <gtest/gtest.h>

namespace lifeboat::registry {
namespace {

using Answer = Outlook::Answer;
using std::chrono::seconds;

constexpr WallTime kNow{Duration(1'000'000'000)};

/// A tag that is held whole and was confirmed just now.
Standing fresh() {
  return {.tag = HeldTag{kNow - seconds(1), false}, .is_here = true, .is_pullable = true, .now = kNow};
}
Standing old() {
  Standing standing = fresh();
  standing.tag->checked = kNow - seconds(100);
  return standing;
}
Standing with(Standing standing, auto change) {
  change(standing);
  return standing;
}

TEST(Outlook, is_what_a_pull_decides) {
  const auto down = [](Standing& s) { s.can_be_asked = false; };
  const auto in_part = [](Standing& s) { s.is_pullable = false; };
  const auto in_part_and_down = [](Standing& s) { s.is_pullable = s.can_be_asked = false; };
  const auto of_digest = [](Standing& s) {
    s.is_tag = false;
    s.tag.reset();
  };
  const struct {
    const char* name;
    Standing standing;
    Outlook want;
  } rows[] = {
      {"fresh", fresh(), {.answer = Answer::store}},
      {"fresh while the upstream is down", with(fresh(), down), {.answer = Answer::store}},
      {"fresh, in part", with(fresh(), in_part), {.answer = Answer::store, .fetches_rest = true}},
      {"fresh, in part, down",
       with(fresh(), in_part_and_down),
       {.answer = Answer::unavailable, .reason = "unavailable"}},
      {"fresh, in part, down, whole before",
       with(fresh(),
            [](Standing& s) {
              s.is_pullable = s.can_be_asked = false;
              s.has_earlier = true;
            }),
       {.answer = Answer::earlier, .reason = "unavailable"}},
      {"not fresh", old(), {.answer = Answer::ask, .when_silent = Answer::stale, .waits_at_most = seconds(1)}},
      {"not fresh, down", with(old(), down), {.answer = Answer::stale, .reason = "unavailable"}},
      {"not fresh, few requests are left",
       with(old(), [](Standing& s) { s.is_short = true; }),
       {.answer = Answer::stale, .reason = "rate-limited"}},
      {"not fresh, past what is allowed, down",
       with(old(),
            [](Standing& s) {
              s.can_be_asked = false;
              s.policy.max_stale = seconds(10);
            }),
       {.answer = Answer::unavailable, .reason = "unavailable"}},
      {"not fresh, past what is allowed",
       with(old(), [](Standing& s) { s.policy.max_stale = seconds(10); }),
       {.answer = Answer::ask, .when_silent = Answer::unavailable, .waits_at_most = seconds(1)}},
      {"gone",
       with(fresh(), [](Standing& s) { s.tag->is_gone_upstream = true; }),
       {.answer = Answer::gone, .reason = "gone"}},
      {"never seen", {.now = kNow}, {.answer = Answer::ask, .when_silent = Answer::unavailable}},
      {"never seen, down",
       {.can_be_asked = false, .now = kNow},
       {.answer = Answer::unavailable, .reason = "unavailable"}},
      {"never seen, of no configured upstream", {.is_configured = false, .now = kNow}, {.answer = Answer::not_found}},
      {"held, of no configured upstream",
       with(old(), [](Standing& s) { s.is_configured = false; }),
       {.answer = Answer::stale, .reason = "unavailable"}},
      {"digest that is held", with(fresh(), of_digest), {.answer = Answer::store}},
      {"digest that is held in part",
       with(with(fresh(), of_digest), in_part),
       {.answer = Answer::store, .fetches_rest = true}},
      {"digest that is held in part, down",
       with(with(fresh(), of_digest), in_part_and_down),
       {.answer = Answer::incomplete}},
      {"digest that is not held",
       {.is_tag = false, .now = kNow},
       {.answer = Answer::ask, .when_silent = Answer::unavailable}},
      {"digest that is not held, down",
       {.is_tag = false, .can_be_asked = false, .now = kNow},
       {.answer = Answer::unavailable, .reason = "unavailable"}},
      {"hosted tag", with(fresh(), [](Standing& s) { s.is_hosted = true; }), {.answer = Answer::store}},
      {"hosted, never pushed", {.is_hosted = true, .now = kNow}, {.answer = Answer::not_found}},
      {"hosted digest, never pushed", {.is_tag = false, .is_hosted = true, .now = kNow}, {.answer = Answer::not_found}},
      {"hosted, damaged",
       with(fresh(),
            [](Standing& s) {
              s.is_hosted = true;
              s.is_pullable = false;
            }),
       {.answer = Answer::incomplete}},
  };
  for (const auto& row : rows) {
    const Outlook got = outlook_of(row.standing);
    EXPECT_EQ(to_string(got.answer), to_string(row.want.answer)) << row.name;
    EXPECT_EQ(got.reason, row.want.reason) << row.name;
    EXPECT_EQ(got, row.want) << row.name;
  }
}

TEST(Outlook, says_whether_a_pull_would_succeed) {
  const struct {
    Answer answer;
    int status;
    bool succeeds;
  } rows[] = {
      {Answer::store, 200, true},        {Answer::ask, 200, true},        {Answer::stale, 200, true},
      {Answer::gone, 200, true},         {Answer::earlier, 200, true},    {Answer::incomplete, 200, false},
      {Answer::unavailable, 503, false}, {Answer::not_found, 404, false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(status_of(row.answer), row.status) << to_string(row.answer);
    EXPECT_EQ(would_succeed({.answer = row.answer}), row.succeeds) << to_string(row.answer);
    EXPECT_EQ(parse_answer(to_string(row.answer)), row.answer);
  }
  EXPECT_FALSE(parse_answer("perhaps").has_value());
}

}  // namespace
}  // namespace lifeboat::registry
