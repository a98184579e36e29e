#include "http/explain_report.h"

#include <gtest/gtest.h>

namespace lifeboat::http {
namespace {

using std::chrono::seconds;

ExplainReport full_report() {
  return {.reference = "ghcr.io/org/app:v1",
          .repository = "ghcr.io/org/app",
          .host = "ghcr.io",
          .means = ExplainReport::Means::host,
          .outlook = {.answer = registry::Outlook::Answer::ask,
                      .when_silent = registry::Outlook::Answer::stale,
                      .waits_at_most = seconds(1),
                      .fetches_rest = true},
          .digest = "sha256:a",
          .served_digest = "sha256:b",
          .tag = ExplainReport::Tag{seconds(90), seconds(-30), true},
          .capture = {.phase = CaptureReport::Phase::running, .is_here = true},
          .children = {{"linux/amd64", "sha256:c", true, false, 3}},
          .policy = ExplainReport::Policy{.rule = "org/*",
                                          .fresh_for = seconds(60),
                                          .max_stale = seconds(10),
                                          .revalidate_within = seconds(1),
                                          .drops_gone = true,
                                          .serves_on_credential_fault = false,
                                          .capture = "all",
                                          .capture_platforms = {"linux/arm64"},
                                          .captures_referrers = false},
          .is_frozen = true,
          .endpoints = {{.name = "ghcr.io",
                         .state = BreakerState::open,
                         .reason = "connection refused",
                         .probe_in = seconds(12),
                         .limited_for = seconds(7),
                         .login = "rejected"}},
          .history = {{"sha256:a", seconds(100)}}};
}

TEST(ExplainReport, is_read_as_it_was_rendered) {
  const ExplainReport unknown{.reference = "nowhere.example/a:1", .why_unknown = "it is no upstream"};
  for (const ExplainReport& report : {full_report(), unknown}) {
    const auto read = parse_explain(render_explain(report));
    ASSERT_TRUE(read.has_value()) << read.error().message();
    EXPECT_EQ(*read, report) << render_explain(*read);
  }
}

TEST(ExplainReport, says_for_programs_whether_a_pull_would_succeed) {
  EXPECT_NE(render_explain(full_report()).find(R"("pull":{"answer":"ask","status":200,"succeeds":true,)"),
            std::string::npos);
  EXPECT_NE(render_explain({}).find(R"("pull":{"answer":"not_found","status":404,"succeeds":false,)"),
            std::string::npos);
}

TEST(ExplainReport, of_a_newer_server_promises_nothing_that_is_not_understood) {
  std::string json = render_explain(full_report());
  json.replace(json.find(R"("answer":"ask")"), 14, R"("answer":"new")");
  EXPECT_EQ(parse_explain(json).value().outlook.answer, registry::Outlook::Answer::unavailable);
}

TEST(ExplainReport, is_not_made_of_other_texts) {
  for (const char* text : {"", "{", "[]", "{}", "null"}) EXPECT_FALSE(parse_explain(text).has_value()) << text;
}

}  // namespace
}  // namespace lifeboat::http
