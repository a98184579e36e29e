#include "http/capture_report.h"

#include <gtest/gtest.h>

namespace lifeboat::http {
namespace {

CaptureReport full_report() {
  return {.phase = CaptureReport::Phase::waiting,
          .blobs_done = 1,
          .blobs_wanted = 2,
          .bytes_done = 3,
          .bytes_wanted = 4'000'000'000,
          .failures = 5,
          .last_error = "cannot fetch \"it\"",
          .retry_in = std::chrono::seconds(42),
          .is_here = true,
          .is_whole = false,
          .missing = 6,
          .platforms = {{"linux/amd64", "sha256:a", true}, {"", "sha256:b", false}}};
}

TEST(CaptureReport, is_rendered_as_documented) {
  EXPECT_EQ(render_capture(full_report()),
            R"({"phase":"waiting","blobs":{"done":1,"wanted":2},"bytes":{"done":3,"wanted":4000000000},"failures":5,)"
            R"("last_error":"cannot fetch \"it\"","retry_in_s":42,"is_here":true,"is_whole":false,"missing_blobs":6,)"
            R"("platforms":[{"platform":"linux/amd64","digest":"sha256:a","is_whole":true},)"
            R"({"platform":"","digest":"sha256:b","is_whole":false}]})");
  EXPECT_EQ(render_prefetch({"ghcr.io/a", "sha256:a", {"linux/amd64"}, "timeout"}),
            R"({"repository":"ghcr.io/a","digest":"sha256:a","platforms":["linux/amd64"],"stale":"timeout"})");
}

TEST(CaptureReport, is_read_as_it_was_rendered) {
  for (const CaptureReport& report : {full_report(), CaptureReport{.phase = CaptureReport::Phase::done}}) {
    EXPECT_EQ(parse_capture(render_capture(report)).value(), report);
  }
  const PrefetchReport prefetch{"ghcr.io/a", "sha256:a", {"all"}, ""};
  EXPECT_EQ(parse_prefetch(render_prefetch(prefetch)).value(), prefetch);
  const PrefetchOrder order{"ghcr.io/a:1", {"linux/arm64"}};
  EXPECT_EQ(parse_order(render_order(order)).value(), order);
  EXPECT_EQ(parse_order(R"({"reference":"a"})").value(), PrefetchOrder{"a"});
}

TEST(CaptureReport, is_not_made_of_other_texts) {
  for (const char* text :
       {"", "{", "[]", "{}", R"({"reference":1})", "null", R"({"reference":"a","platforms":"all"})"}) {
    EXPECT_FALSE(parse_order(text).has_value()) << text;
    EXPECT_FALSE(parse_capture(text).has_value()) << text;
    EXPECT_FALSE(parse_prefetch(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace lifeboat::http
