#include "cli/copy_text.h"

#include <gtest/gtest.h>

#include "cli/command.h"

namespace lifeboat::cli {
namespace {

using registry::copy::BlobUnderWay;
using registry::copy::Copy;
using registry::copy::CopyReport;
using registry::copy::TargetReport;

oci::Digest digest() { return oci::Digest::of(HashAlgorithm::sha256, as_bytes("x")); }

CopyReport report_of(std::vector<TargetReport> targets) {
  return {
      .digest = digest(), .media_type = "t", .manifests = 2, .blobs = 3, .bytes = 2048, .targets = std::move(targets)};
}

TargetReport copied() {
  return {.name = "r.example/app",
          .blobs_sent = 1,
          .blobs_mounted = 1,
          .blobs_there = 1,
          .bytes_sent = 1024,
          .manifests_sent = 2};
}

TargetReport failed(ErrorCode code) { return {.name = "other.example/app", .failure = Error(code, "why\x1b[2J")}; }

TEST(CopyText, says_of_each_target_what_became_of_it) {
  const std::string text = copy_text("a:1", report_of({copied(), failed(ErrorCode::denied)}), false);
  EXPECT_EQ(text, "a:1@" + digest().to_string() +
                      ": 2 manifests, 3 blobs, 2.0 KiB\n"
                      "copied  r.example/app: 1 blob sent (1.0 KiB), 1 mounted, 1 there; 2 manifests sent, 0 there\n"
                      "FAILED  other.example/app: why?[2J\n");
  EXPECT_TRUE(copy_text("a:1", report_of({copied()}), true).contains("would copy  r.example/app: 1 blob to send"));
  CopyReport sparse = report_of({});
  sparse.is_sparse = true;
  EXPECT_TRUE(copy_text("a:1", sparse, false).contains("sparse"));
}

TEST(CopyText, says_which_referrers_the_source_has_not) {
  CopyReport report = report_of({copied()});
  report.missing_referrers = {digest()};
  EXPECT_TRUE(copy_text("a:1", report, false).contains("left out  " + digest().to_string()));
  const std::string json = copy_json("a:1", report, false);
  EXPECT_TRUE(json.contains(R"("missing_referrers":[")" + digest().to_string() + R"("])")) << json;
}

TEST(CopyText, says_why_nothing_was_copied) {
  const CopyReport report{.failure = Error(ErrorCode::not_found, "no such manifest")};
  EXPECT_EQ(copy_text("a:1", report, false), "a:1\nnot copied: no such manifest\n");
}

TEST(CopyJson, has_all_of_it) {
  const std::string json = copy_json("a:1", report_of({copied(), failed(ErrorCode::denied)}), false);
  EXPECT_EQ(
      json,
      R"({"source":"a:1","digest":")" + digest().to_string() +
          R"(","media_type":"t","dry_run":false,"sparse":false,"manifests":2,"blobs":3,"bytes":2048,"missing_referrers":[],"targets":[)"
          R"({"name":"r.example/app","outcome":"copied","blobs_sent":1,"blobs_mounted":1,"blobs_there":1,)"
          R"("bytes_sent":1024,"manifests_sent":2,"manifests_there":0},)"
          R"({"name":"other.example/app","outcome":"failed","blobs_sent":0,"blobs_mounted":0,"blobs_there":0,)"
          R"("bytes_sent":0,"manifests_sent":0,"manifests_there":0,"code":"denied","reason":"why\u001b[2J"}]})"
          "\n");
}

TEST(CopyBars, fit_the_terminal_and_grow) {
  const std::vector<BlobUnderWay> under_way{{.name = {digest(), 1000}, .given_bytes = 500}};
  const Copy::Progress progress{.blobs_done = 1, .bytes_done = 1500, .blobs = 2, .bytes = 2000};
  const auto lines = copy_bars(progress, under_way, 80);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines.at(0), digest().hex().substr(0, 12) + " [############            ] 500 bytes of 1000 bytes");
  EXPECT_EQ(lines.at(1), "all          [##################      ] 1.5 KiB of 2.0 KiB, 1 of 2 blobs");
  for (const std::string& line : copy_bars(progress, under_way, 20)) EXPECT_LE(line.size(), 20U);
  EXPECT_EQ(copy_bars({}, {}, 80).size(), 1U) << "before anything is known";
}

TEST(CopyExitCode, tells_wrong_content_from_what_could_not_be_done) {
  EXPECT_EQ(copy_exit_code(report_of({copied()})), kFine);
  EXPECT_EQ(copy_exit_code(report_of({copied(), failed(ErrorCode::unavailable)})), kCouldNotFindOut);
  EXPECT_EQ(copy_exit_code(report_of({failed(ErrorCode::unavailable), failed(ErrorCode::corrupt)})), kFoundWrong);
  EXPECT_EQ(copy_exit_code({.failure = Error(ErrorCode::not_found, "x")}), kFoundWrong);
  EXPECT_EQ(copy_exit_code({.failure = Error(ErrorCode::unauthorized, "x")}), kCouldNotFindOut);
}

}  // namespace
}  // namespace lifeboat::cli
