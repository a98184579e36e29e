#include "cli/adopt_text.h"

#include <gtest/gtest.h>

namespace lifeboat::cli {
namespace {

using registry::adopt::AdoptReport;
using How = registry::adopt::Landing::How;

AdoptReport some() {
  AdoptReport report;
  report.totals = {.repositories = 2, .tags = 3, .manifests = 4, .blobs = 5, .how = {}, .bytes = 2048};
  report.totals.how = {{How::held, 1}, {How::linked, 4}};
  report.refused = {{"a:1", "blob x: gone"}};
  return report;
}

TEST(AdoptText, says_what_came_how_and_what_did_not) {
  EXPECT_EQ(adopt_text(some(), false),
            "not adopted: a:1: blob x: gone\n"
            "adopted 2 repositories, 3 tags, 4 manifests, 5 blobs (1 held, 4 linked), 2.0 KiB\n"
            "1 name not adopted\n");
  EXPECT_EQ(adopt_text({}, true), "would adopt 0 repositories, 0 tags, 0 manifests, 0 blobs, 0 bytes\n");
}

TEST(AdoptText, says_it_in_json) {
  EXPECT_EQ(adopt_json(some(), false),
            R"({"dry_run":false,"repositories":2,"tags":3,"manifests":4,"blobs":5,"bytes":2048,)"
            R"("blobs_by":{"held":1,"linked":4},"not_adopted":[{"name":"a:1","reason":"blob x: gone"}]})"
            "\n");
}

TEST(AdoptText, says_how_far_it_is) {
  EXPECT_EQ(adopt_progress_text({.repository = "a", .repositories_done = 2, .repositories_all = 4, .blobs = 7}),
            "a (3 of 4 repositories), 7 blobs, 0 bytes");
}

TEST(AdoptText, lets_nothing_through_that_a_terminal_obeys) {
  registry::adopt::AdoptReport report;
  report.refused = {{"a:\x1b[2J\nb", "gone\x07"}};
  const std::string text = adopt_text(report, false) + adopt_json(report, false);
  for (const char letter : text) EXPECT_TRUE((letter >= ' ' && letter <= '~') || letter == '\n') << text;
  EXPECT_TRUE(text.starts_with("not adopted: a:\\x1b[2J\\x0ab: gone\\x07\n")) << text;
}

}  // namespace
}  // namespace lifeboat::cli
