// What other pull-through caches do wrong with a copy in hand, each as a row: their answer is not ours.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "test/failures/case.h"
#include "test/failures/failure_rig.h"

namespace lifeboat::test {
namespace {

const Failure& row_of(const std::string& name) {
  const auto found = std::ranges::find(failures(), name, &Failure::name);
  LB_ASSERT(found != failures().end());
  return *found;
}

constexpr int kWaits = 0;  ///< what they do wrong is to make the client wait

struct Mistake {
  std::string name;
  std::string failure;
  Held held = Held::whole;
  Question question = Question::tag;
  int theirs = 0;  ///< the status they answer with
};

class MistakesOfOthers : public testing::TestWithParam<Mistake> {};

TEST_P(MistakesOfOthers, are_not_made) {
  const Mistake& mistake = GetParam();
  const Case one{row_of(mistake.failure), mistake.held, mistake.question};
  EXPECT_NE(expected(one.failure, one.held, one.question, false).answer.status, mistake.theirs);
  EXPECT_EQ(faults_of(one), "") << mistake.failure;
}

std::string mistake_name(const testing::TestParamInfo<Mistake>& row) { return row.param.name; }

const std::vector<Mistake> kMistakes{
    // 401 and 403
    {"Angos_and_Quay_answer_404_when_the_upstream_says_401", "401 without a challenge", Held::whole, Question::tag,
     404},
    {"Angos_and_Quay_answer_404_when_the_upstream_says_403", "403 from the registry", Held::whole, Question::tag, 404},
    {"rpardini_passes_401_on_though_it_is_held", "401 without a challenge", Held::whole, Question::tag, 401},
    {"rpardini_passes_403_on_though_it_is_held", "403 from the registry", Held::whole, Question::tag, 403},
    {"rpardini_passes_401_on_when_it_is_not_held", "401 without a challenge", Held::none, Question::blob, 401},
    {"rpardini_passes_403_on_when_it_is_not_held", "403 from the registry", Held::none, Question::digest, 403},
    // 404
    {"Harbor_and_Angos_answer_404_when_the_upstream_lost_it", "404 from the registry", Held::whole, Question::tag, 404},
    {"Quay_lets_what_is_held_expire_when_the_upstream_lost_it", "404 from the registry", Held::whole, Question::tag,
     404},
    {"rpardini_passes_404_on_though_it_is_held", "404 from the registry", Held::whole, Question::tag, 404},
    {"a_proxy_without_the_path_makes_it_not_found", "404 from a proxy, in HTML", Held::none, Question::tag, 404},
    // 429
    {"Angos_answers_404_when_the_upstream_says_429", "429 with Retry-After", Held::whole, Question::tag, 404},
    {"Harbor_passes_429_on_when_it_is_not_held", "429 with Retry-After", Held::none, Question::tag, 429},
    {"Quay_lets_what_is_held_expire_under_429", "429", Held::whole, Question::tag, 429},
    // 5xx
    {"Angos_answers_404_when_the_upstream_says_500", "500", Held::whole, Question::tag, 404},
    {"Quay_lets_what_is_held_expire_under_502", "502", Held::whole, Question::tag, 502},
    {"rpardini_serves_nothing_stale_under_503", "503", Held::whole, Question::tag, 503},
    // no answer
    {"Angos_answers_404_after_30_s_when_nobody_connects", "it is powered off", Held::whole, Question::tag, 404},
    {"Harbor_waits_until_the_client_gives_up", "it accepts and never answers", Held::whole, Question::tag, kWaits},
    {"zot_dials_for_30_s_each_time", "it is powered off", Held::whole, Question::tag, kWaits},
    {"distribution_waits_for_a_head_without_a_deadline", "it accepts and never answers", Held::whole, Question::tag,
     kWaits},
    {"Quay_lets_what_is_held_expire_when_nobody_connects", "it refuses connections", Held::whole, Question::tag, 404},
    {"NORA_answers_503_while_the_breaker_is_open", "it refuses connections", Held::whole, Question::tag, 503},
    // whoever was asked last has the word
    {"Nexus_groups_and_serverless_answer_404_when_all_failed_tag", "it refuses connections", Held::none, Question::tag,
     404},
    {"Nexus_groups_and_serverless_answer_404_when_all_failed_blob", "503", Held::none, Question::blob, 404},
    // the token endpoint
    {"GitLab_fails_before_it_looks_when_the_token_endpoint_is_dead", "the token endpoint refuses connections",
     Held::whole, Question::tag, 599},
    {"Artifact_Registry_revalidates_first_and_fails", "the token endpoint answers 503", Held::whole, Question::tag,
     503},
};
INSTANTIATE_TEST_SUITE_P(Of, MistakesOfOthers, testing::ValuesIn(kMistakes), mistake_name);

constexpr const char* kAt = "/v2/registry.example/team/app/";

TEST(MistakesOfOthers, Harbor_deletes_what_is_held_when_the_upstream_lost_it) {
  const Failure& failure = row_of("404 from the registry");
  FailureRig rig(the_client(), failure, Held::whole, false);
  for (int i = 0; i < 2; ++i) {
    for (const Question question : {Question::tag, Question::digest, Question::blob}) {
      const Case one{failure, Held::whole, question};
      const auto seen = rig.ask("GET", one.target());
      EXPECT_EQ(seen.answer.status, 200) << one.name();
      EXPECT_EQ(seen.answer.body, one.content()) << one.name();
    }
    rig.forget_prepared();
  }
}

TEST(MistakesOfOthers, Nexus_blocks_an_upstream_for_one_401) {
  // Another name may be open to us: whoever asks for it is not refused without a question.
  FailureRig rig(the_client(), row_of("401 without a challenge"), Held::none, false);
  EXPECT_EQ(rig.ask("GET", std::string(kAt) + "manifests/1").asked, 1);
  EXPECT_EQ(rig.ask("GET", "/v2/registry.example/team/other/manifests/1").asked, 1);
}

TEST(MistakesOfOthers, NORA_answers_503_before_it_asks_the_next_upstream) {
  const Failure& failure = row_of("it refuses connections");
  FailureRig rig(the_client(), failure, Held::none, true);
  EXPECT_EQ(rig.ask("GET", Case{failure, Held::none, Question::tag}.target()).asked, 2);
  const Case blob{failure, Held::none, Question::blob};
  const auto seen = rig.ask("GET", blob.target());
  EXPECT_EQ(seen.asked, 1) << "the breaker of the first is open: only the next one is asked";
  EXPECT_EQ(seen.answer.status, 200);
  EXPECT_EQ(seen.answer.body, blob.content());
}

TEST(MistakesOfOthers, zot_and_Angos_begin_anew_with_every_request) {
  FailureRig rig(the_client(), row_of("it is powered off"), Held::none, false);
  EXPECT_EQ(rig.ask("GET", std::string(kAt) + "manifests/1").asked, 1);
  for (const char* other : {"manifests/2", "manifests/3", "tags/list"}) {
    const auto seen = rig.ask("GET", kAt + std::string(other));
    EXPECT_EQ(seen.asked, 0) << other << ": one connect deadline once is all a dead address costs";
    EXPECT_EQ(seen.answer.status, 503) << other;
  }
}

}  // namespace
}  // namespace lifeboat::test
