#include "cli/gc_text.h"

#include <gtest/gtest.h>

namespace lifeboat::cli {

TEST(GcText, says_what_went) {
  http::GcReport report{.number = 1, .links = 2, .contents = 1, .bytes = 2048};
  report.items.push_back({"nothing names it", "", "sha256:ab", 2048});
  EXPECT_EQ(gc_text(report), "removed 2 links, 1 content, 2.0 KiB\n");
  report.in_use = 1;
  report.failures = 3;
  EXPECT_EQ(gc_text(report),
            "removed 2 links, 1 content, 2.0 KiB\nleft for the next time, in use now: 1 content\n"
            "could not be unlinked: 3 contents\n");
  EXPECT_EQ(gc_text({.number = 1}), "nothing to remove\n");
  EXPECT_EQ(gc_text({.number = 1, .lost = 2, .restored = 1}),
            "nothing to remove\nlost, and named by tags ('lifeboat status' says which): 2 contents\n"
            "records that were lost and are here again: 1 manifest\n");
}

TEST(GcText, lists_what_would_go_and_why) {
  http::GcReport report{.number = 1, .is_dry_run = true, .links = 1, .contents = 1, .bytes = 5};
  EXPECT_EQ(gc_text({.number = 1, .is_dry_run = true}), "nothing would go\n");
  report.items.push_back({"no manifest of the repository names it", "team/app", "sha256:ab", 5});
  report.items.push_back({"nothing names it", "", "sha256:ab", 5});
  report.items_left_out = 7;
  EXPECT_EQ(gc_text(report),
            "sha256:ab  5 bytes  link of team/app  no manifest of the repository names it\n"
            "sha256:ab  5 bytes  nothing names it\n… and 7 more\nwould remove 1 link, 1 content, 5 bytes\n");
}

TEST(GcText, lets_nothing_through_that_a_terminal_obeys) {
  http::GcReport report{.is_dry_run = true};
  report.items.push_back({"x\ny", "a\x1b[2J", "sha256:1", 5});
  const std::string text = gc_text(report);
  EXPECT_TRUE(text.contains("link of a\\x1b[2J  x\\x0ay\n")) << text;
}

}  // namespace lifeboat::cli
