#include "cli/prefetch_text.h"

#include <gtest/gtest.h>

namespace lifeboat::cli {
namespace {

using Kind = PrefetchVerdict::Kind;
using Phase = http::CaptureReport::Phase;
using std::chrono::seconds;

Prefetching of_index(Phase phase, bool is_amd_whole, bool is_arm_whole) {
  return {.reference = "ghcr.io/org/app:v1",
          .begun = {"ghcr.io/org/app", "sha256:a", {"linux/amd64"}, ""},
          .state = http::CaptureReport{.phase = phase,
                                       .is_here = true,
                                       .is_whole = is_amd_whole && is_arm_whole,
                                       .platforms = {{"linux/amd64", "sha256:b", is_amd_whole},
                                                     {"linux/arm64", "sha256:c", is_arm_whole},
                                                     {"", "sha256:d", true}}}};
}

Prefetching with(Prefetching one, auto change) {
  change(one);
  return one;
}

TEST(PrefetchText, judges_by_what_was_asked_for) {
  const auto for_both = [](Prefetching& one) { one.begun.platforms = {"linux/amd64", "linux/arm64"}; };
  const auto waits = [](Prefetching& one) {
    one.state->retry_in = seconds(30);
    one.state->last_error = "the disk is full";
  };
  const auto is_single = [](Prefetching& one) { one.state->platforms.clear(); };
  const struct {
    const char* name;
    Prefetching one;
    Kind kind;
    std::string text;
  } rows[] = {
      {"done", of_index(Phase::done, true, false), Kind::whole, "whole for linux/amd64"},
      {"running", of_index(Phase::running, false, false), Kind::under_way, ""},
      {"whole, and its signatures are looked for", of_index(Phase::running, true, false), Kind::under_way, ""},
      {"due", of_index(Phase::waiting, false, false), Kind::under_way, ""},
      {"both", with(of_index(Phase::done, true, true), for_both), Kind::whole, "whole for linux/amd64, linux/arm64"},
      {"one of both", with(of_index(Phase::done, true, false), for_both), Kind::failed,
       "not whole for linux/arm64: the upstream lacks some of it"},
      {"tried again in a while", with(of_index(Phase::waiting, false, false), waits), Kind::failed,
       "not whole for linux/amd64: the disk is full"},
      {"whole, and its signatures fail", with(of_index(Phase::waiting, true, false), waits), Kind::whole,
       "whole for linux/amd64; signatures may be missing: the disk is full"},
      {"a platform that is not there",
       with(of_index(Phase::waiting, true, false), [](Prefetching& one) { one.named = {"plan9/386"}; }), Kind::failed,
       "it has nothing for plan9/386 (it has linux/amd64, linux/arm64)"},
      {"nothing for this machine",
       with(of_index(Phase::done, false, false), [](Prefetching& one) { one.begun.platforms = {"linux/s390x"}; }),
       Kind::failed, "there is nothing of it for linux/s390x (it has linux/amd64, linux/arm64)"},
      {"all of it", with(of_index(Phase::done, true, true), [](Prefetching& one) { one.begun.platforms = {"all"}; }),
       Kind::whole, "whole for linux/amd64, linux/arm64"},
      {"one platform, whole",
       with(with(of_index(Phase::done, true, true), is_single), [](Prefetching& one) { one.state->is_whole = true; }),
       Kind::whole, "whole"},
      {"one platform, in part", with(of_index(Phase::done, false, false), is_single), Kind::failed,
       "not whole: the upstream lacks some of it"},
      {"of a tag that could not be confirmed",
       with(of_index(Phase::done, true, false), [](Prefetching& one) { one.begun.stale = "timeout"; }), Kind::whole,
       "whole for linux/amd64; whether the tag has moved could not be asked (timeout)"},
      {"refused", {.reference = "a", .error = "no such upstream"}, Kind::failed, "no such upstream"},
      {"just begun", {.reference = "a"}, Kind::under_way, ""},
  };
  for (const auto& row : rows) {
    const PrefetchVerdict verdict = judge(row.one);
    EXPECT_EQ(verdict.kind, row.kind) << row.name << ": " << verdict.text;
    EXPECT_EQ(verdict.text, row.text) << row.name;
  }
}

TEST(PrefetchText, shows_a_line_for_each) {
  const std::vector<Prefetching> all{of_index(Phase::done, true, false),
                                     {.reference = "nginx", .error = "no such upstream"}};
  EXPECT_EQ(prefetch_text(all, true),
            "ghcr.io/org/app:v1  whole for linux/amd64\n"
            "nginx               failed: no such upstream\n");
  EXPECT_EQ(prefetch_text(all, false),
            "ghcr.io/org/app:v1  on its way for linux/amd64\n"
            "nginx               failed: no such upstream\n");
  EXPECT_EQ(prefetch_json(all, true),
            R"([{"reference":"ghcr.io/org/app:v1","repository":"ghcr.io/org/app","digest":"sha256:a","platforms":)"
            R"(["linux/amd64"],"result":"whole"},{"reference":"nginx","repository":"","digest":"","platforms":[],)"
            R"("result":"failed","error":"no such upstream"}])"
            "\n");
}

TEST(PrefetchText, shows_how_far_it_is) {
  Prefetching one = of_index(Phase::running, false, false);
  EXPECT_EQ(progress_text(one), "looks for what is missing");
  one.state->blobs_wanted = 4;
  one.state->blobs_done = 1;
  one.state->bytes_wanted = 4 << 20;
  one.state->bytes_done = 1 << 20;
  EXPECT_EQ(progress_text(one), "1 of 4 blobs, 1.0 MiB of 4.0 MiB (25%)");
  one.state->phase = Phase::waiting;
  EXPECT_EQ(progress_text(one), "waits for its turn");
  EXPECT_EQ(progress_text(of_index(Phase::done, true, false)), "whole for linux/amd64");
}

}  // namespace
}  // namespace lifeboat::cli
