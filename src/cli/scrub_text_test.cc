#include "cli/scrub_text.h"

#include <gtest/gtest.h>

namespace lifeboat::cli {
namespace {

http::ScrubReport a_whole_tour() {
  return {.is_finished = true, .is_ordered = true, .checked = 12, .checked_bytes = 3 << 20, .known = 12};
}

TEST(ScrubText, says_that_all_is_whole) {
  EXPECT_EQ(scrub_text(a_whole_tour()),
            "checked   12 pieces, 3.0 MiB\n"
            "all of it is whole\n");
  EXPECT_TRUE(is_whole(a_whole_tour()));
}

TEST(ScrubText, tells_what_was_repaired_from_what_is_broken) {
  http::ScrubReport report = a_whole_tour();
  report.found = 2;
  report.findings = {{"sha256:aa", "wrong_bytes", "got sha256:ff"}, {"sha256:bb", "missing", "it is not on disk"}};
  report.broken = 1;
  report.faults = {{.digest = "sha256:bb",
                    .kind = "missing",
                    .detail = "it is not on disk",
                    .tries = 1,
                    .last_error = "no source is configured for it",
                    .breaks = {"app:v1", "app:v2"}}};
  EXPECT_EQ(scrub_text(report),
            "checked   12 pieces, 3.0 MiB\n"
            "\n"
            "repaired  sha256:aa  of the wrong bytes\n"
            "broken  sha256:bb  missing\n"
            "\n"
            "broken now, until a push or a source brings it:\n"
            "sha256:bb\n"
            "  was     missing: it is not on disk\n"
            "  breaks  app:v1, app:v2\n"
            "  tried   no source is configured for it\n");
  EXPECT_FALSE(is_whole(report));
}

TEST(ScrubText, is_not_fine_with_what_was_only_looked_at_or_cannot_be_read) {
  http::ScrubReport looked = a_whole_tour();
  looked.is_repaired = false;
  EXPECT_TRUE(is_whole(looked));
  looked.found = 1;
  looked.findings = {{"sha256:aa", "wrong_bytes", ""}};
  EXPECT_FALSE(is_whole(looked));
  EXPECT_TRUE(scrub_text(looked).contains("found  sha256:aa"));
  http::ScrubReport unreadable = a_whole_tour();
  unreadable.found = 1;
  unreadable.findings = {{"sha256:aa", "unreadable", "cannot read"}};
  EXPECT_FALSE(is_whole(unreadable));
  http::ScrubReport cut = a_whole_tour();
  cut.is_finished = false;
  EXPECT_FALSE(is_whole(cut));
}

TEST(ScrubText, lets_nothing_through_that_a_terminal_obeys) {
  http::ScrubReport report;
  report.faults.push_back({.digest = "sha256:1", .kind = "missing", .detail = "\x1b[2J", .breaks = {"a:\x07"}});
  report.broken = 1;
  const std::string text = scrub_text(report);
  EXPECT_TRUE(text.contains("missing: \\x1b[2J\n")) << text;
  EXPECT_TRUE(text.contains("a:\\x07\n")) << text;
}

}  // namespace
}  // namespace lifeboat::cli
