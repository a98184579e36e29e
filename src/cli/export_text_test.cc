#include "cli/export_text.h"

#include <gtest/gtest.h>

namespace lifeboat::cli {
namespace {

registry::ExportReport some() {
  return {.repositories = 1,
          .tags = 2,
          .manifests = 3,
          .blobs = 4,
          .bytes = 4096,
          .bytes_written = 1024,
          .refused = {{"a:1", "blob x is not held"}}};
}

TEST(ExportText, says_what_went_and_what_did_not) {
  EXPECT_EQ(export_text(some(), false),
            "not exported: a:1: blob x is not held\n"
            "exported 1 repository, 2 tags, 3 manifests, 4 blobs, 4.0 KiB (1.0 KiB new)\n"
            "1 name not exported\n");
  EXPECT_EQ(export_text({}, true), "would export 0 repositories, 0 tags, 0 manifests, 0 blobs, 0 bytes\n");
}

TEST(ExportText, says_it_in_json) {
  EXPECT_EQ(export_json(some(), false),
            R"({"dry_run":false,"repositories":1,"tags":2,"manifests":3,"blobs":4,"bytes":4096,"bytes_written":1024,)"
            R"("not_exported":[{"name":"a:1","reason":"blob x is not held"}]})"
            "\n");
}

TEST(ExportText, says_how_far_it_is) {
  EXPECT_EQ(export_progress_text({.repository = "a", .contents = 3, .bytes = 2048}),
            "a, 3 blobs and manifests, 2.0 KiB");
}

TEST(ExportText, lets_nothing_through_that_a_terminal_obeys) {
  registry::ExportReport report;
  report.refused = {{"a:\x1b[2J\nb", "gone\x07"}};
  const std::string text = export_text(report, false) + export_json(report, false);
  for (const char letter : text) EXPECT_TRUE((letter >= ' ' && letter <= '~') || letter == '\n') << text;
  EXPECT_TRUE(text.starts_with("not exported: a:\\x1b[2J\\x0ab: gone\\x07\n")) << text;
}

}  // namespace
}  // namespace lifeboat::cli
