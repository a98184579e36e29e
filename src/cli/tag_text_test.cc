#include "cli/tag_text.h"

#include <gtest/gtest.h>

namespace lifeboat::cli {
namespace {

TEST(TagText, lists_what_tags_were) {
  http::HistoryReport report{.repository = "team/app"};
  report.moments = {{"v1", 3, "sha256:c", "2026-11-03T00:00:00Z", "push", true, "held"},
                    {"v1", 2, "sha256:b", "2026-11-02T00:00:00Z", "restore", false, "stored"},
                    {"v1", 1, "sha256:a", "2026-11-01T00:00:00Z", "push", false, "lost", "blob 'sha256:x'"}};
  EXPECT_EQ(history_text(report),
            "TAG          NUMBER  SINCE                 FROM     DIGEST    STATE\n"
            "team/app:v1  3       2026-11-03T00:00:00Z  push     sha256:c  now\n"
            "team/app:v1  2       2026-11-02T00:00:00Z  restore  sha256:b  can be restored, until it is collected\n"
            "team/app:v1  1       2026-11-01T00:00:00Z  push     sha256:a  lost: blob 'sha256:x'\n");
  EXPECT_EQ(history_text({.repository = "team/app"}), "no tag of 'team/app' is remembered by this name\n");
  report.has_more = true;
  EXPECT_TRUE(history_text(report).ends_with("… and more: name one tag\n"));
}

TEST(TagText, says_what_was_restored) {
  http::RestoreReport report{.repository = "team/app", .tag = "v1", .digest = "sha256:a", .manifests = 2};
  EXPECT_EQ(restore_text(report, false), "team/app:v1 is at sha256:a again; put 2 manifests again\n");
  EXPECT_EQ(restore_text(report, true), "team/app:v1 would be at sha256:a again, putting 2 manifests again\n");
  report = {.repository = "team/app", .tag = "v1", .digest = "sha256:a", .before = "sha256:b"};
  EXPECT_EQ(restore_text(report, false), "team/app:v1 is at sha256:a, it was at sha256:b\n");
  report.before = report.digest;
  EXPECT_EQ(restore_text(report, false), "team/app:v1 is at sha256:a, as it was\n");
}

TEST(TagText, lists_pins) {
  EXPECT_EQ(pins_text({}), "nothing is pinned\n");
  EXPECT_EQ(pins_text({.pins = {{"team/app", "v1", "2026-11-01T00:00:00Z", "the release\n"},
                                {"ghcr.io/org/app", "sha256:a", "2026-11-01T00:00:00Z", ""}}}),
            "PINNED                    SINCE                 REASON\n"
            "team/app:v1               2026-11-01T00:00:00Z  the release?\n"
            "ghcr.io/org/app@sha256:a  2026-11-01T00:00:00Z  \n");
}

}  // namespace
}  // namespace lifeboat::cli
