#include "cli/explain_text.h"

#include <gtest/gtest.h>

#include <sstream>

namespace lifeboat::cli {
namespace {

using Answer = registry::Outlook::Answer;
using Means = http::ExplainReport::Means;
using std::chrono::seconds;

const std::string kDigest = "sha256:" + std::string(64, 'a');
const std::string kBefore = "sha256:" + std::string(64, 'b');

http::ExplainReport fresh() {
  return {.reference = "ghcr.io/org/app:v1",
          .repository = "ghcr.io/org/app",
          .host = "ghcr.io",
          .means = Means::host,
          .outlook = {.answer = Answer::store},
          .digest = kDigest,
          .tag = http::ExplainReport::Tag{seconds(18), seconds(42), false},
          .capture = {.phase = http::CaptureReport::Phase::done, .is_here = true},
          .children = {{"linux/amd64", "sha256:c", true, true, 0},
                       {"linux/arm64", "sha256:d", true, false, 7},
                       {"linux/s390x", "sha256:e", false, false, 0},
                       {"", "sha256:f", true, true, 0}},
          .policy = http::ExplainReport::Policy{.rule = "org/*",
                                                .fresh_for = seconds(60),
                                                .revalidate_within = seconds(1),
                                                .capture = "requested",
                                                .capture_platforms = {"linux/arm64"}},
          .endpoints = {{.name = "ghcr.io"}},
          .history = {{kDigest, seconds(3600)}}};
}

TEST(ExplainText, says_first_what_a_pull_gets) {
  EXPECT_EQ(explain_text(fresh()),
            "ghcr.io/org/app:v1\n"
            "\n"
            "a pull   200 from the store, no upstream is asked\n"
            "means    upstream ghcr.io, repository ghcr.io/org/app\n"
            "held     " +
                kDigest +
                "\n"
                "         confirmed 18s ago, fresh for 42s more\n"
                "whole    for linux/amd64, attestation\n"
                "lacks    linux/arm64 (7 blobs), linux/s390x\n"
                "capture  nothing is left to fetch\n"
                "policy   rule 'org/*': fresh for 1m, then stale without limit; capture\n"
                "         requested, besides linux/arm64\n"
                "asks     ghcr.io: no known fault\n"
                "was      " +
                kDigest + "\n         since 1h 0m ago\n");
}

TEST(ExplainText, tells_of_an_outage) {
  http::ExplainReport report = fresh();
  report.outlook = {.answer = Answer::earlier, .reason = "unavailable"};
  report.served_digest = kBefore;
  report.is_frozen = true;
  report.tag->fresh_for = seconds(-100);
  report.capture.phase = http::CaptureReport::Phase::waiting;
  report.capture.failures = 2;
  report.capture.retry_in = seconds(30);
  report.capture.last_error = "it is cut off";
  report.endpoints = {{.name = "ghcr.io",
                       .state = http::BreakerState::open,
                       .reason = "cannot connect: connection refused",
                       .probe_in = seconds(12)},
                      {.name = "mirror.example", .limited_for = seconds(50), .login = "rejected"}};
  report.history = {{kDigest, seconds(60)}, {kBefore, seconds(86400)}};
  const std::string text = explain_text(report);
  for (const std::string part :
       {"a pull   200, stale (unavailable), with what the tag was before: what it is now\n         is held in part\n",
        "         confirmed 18s ago, not fresh for 1m 40s\n",
        "capture  failed 2 times, next try in 30s: it is cut off\n",
        "frozen   no endpoint can be asked: nothing that is held is removed\n",
        "asks     ghcr.io: down, probed in 12s (cannot connect: connection refused)\n",
        "         mirror.example: no known fault, not to be asked for 50s, the login is\n         refused\n",
        "         since 1d 0h ago, served now\n"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "is not in\n" << text;
  }
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
}

TEST(ExplainText, has_a_sentence_for_each_answer) {
  const auto of = [](Answer answer, std::string host = "ghcr.io") {
    return http::ExplainReport{
        .reference = "a:1", .host = std::move(host), .means = Means::host, .outlook = {.answer = answer}};
  };
  http::ExplainReport asked = of(Answer::ask);
  asked.outlook.waits_at_most = seconds(1);
  asked.outlook.when_silent = Answer::stale;
  http::ExplainReport too_old = of(Answer::unavailable);
  too_old.capture.is_here = true;
  too_old.tag = http::ExplainReport::Tag{seconds(100), seconds(-40), false};
  too_old.policy = http::ExplainReport::Policy{.max_stale = seconds(10)};
  http::ExplainReport in_part = of(Answer::unavailable);
  in_part.capture.is_here = true;
  http::ExplainReport nowhere = of(Answer::not_found, "");
  nowhere.means = Means::unknown;
  nowhere.why_unknown = "it is no upstream";
  const struct {
    http::ExplainReport report;
    std::string text;
  } rows[] = {
      {of(Answer::store), "200 from the store, no upstream is asked"},
      {of(Answer::store, ""), "200: it is hosted here"},
      {asked,
       "ghcr.io is asked whether the tag has moved (HEAD), for at most 1s, then 200; without an answer 200, stale, "
       "with what is held"},
      {of(Answer::ask), "ghcr.io is asked (GET), since it is not held; without an answer 503"},
      {of(Answer::incomplete), "200 for the manifest, 503 for what it names and is not held"},
      {of(Answer::unavailable), "503: it is not held, and no endpoint of ghcr.io can be asked"},
      {too_old, "503: what is held is older than 'max_stale' allows, and no endpoint of ghcr.io can be asked"},
      {in_part, "503: it is held in part, and no endpoint of ghcr.io can be asked"},
      {of(Answer::unavailable, ""), "503: it is hosted here, and what is on disk is damaged"},
      {of(Answer::not_found, ""), "404: nothing of this name and reference was pushed here"},
      {nowhere, "404: it is no upstream"},
  };
  for (const auto& row : rows) {
    std::string text = explain_text(row.report);
    text = text.substr(text.find("a pull   ") + 9);
    text = text.substr(0, row.report.means == Means::unknown ? text.size() - 1 : text.find("\nmeans "));
    for (std::size_t at = 0; (at = text.find("\n         ", at)) != text.npos;) text.replace(at, 10, " ");
    EXPECT_EQ(text, row.text);
  }
}

}  // namespace
}  // namespace lifeboat::cli
