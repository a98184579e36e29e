#include "cli/prune_text.h"

#include <gtest/gtest.h>

namespace lifeboat::cli {
namespace {

TEST(PruneText, has_a_reason_for_each_tag) {
  http::PruneAnswer answer{.is_dry_run = true, .repositories = 1, .tags = 1, .manifests = 2};
  answer.items = {
      {.repository = "team/app", .tag = "v2", .digest = "sha256:b", .is_kept = true, .reason = "it is pinned"},
      {.repository = "team/app", .tag = "v1", .digest = "sha256:a", .reason = "no rule keeps it"},
      {.repository = "team/app", .digest = "sha256:c", .reason = "nothing that is kept needs it"}};
  EXPECT_EQ(prune_text(answer),
            "TAG OR MANIFEST           WHY\n"
            "team/app:v2        stays  it is pinned\n"
            "team/app:v1        goes   no rule keeps it\n"
            "team/app@sha256:c  goes   nothing that is kept needs it\n"
            "1 tag and 2 manifests would go of 1 repository\n");
  answer = {.repositories = 2, .changed = 3, .items_left_out = 7};
  EXPECT_EQ(prune_text(answer),
            "… and 7 more\n0 tags and 0 manifests went of 2 repositories, 3 stay that were to go\n");
}

TEST(PruneText, says_of_what_nothing_goes_since_its_host_is_down) {
  EXPECT_EQ(prune_text({.repositories = 1, .frozen = {"ghcr.io/org/app"}}),
            "nothing goes of 'ghcr.io/org/app': its host cannot be asked\n"
            "0 tags and 0 manifests went of 1 repository\n");
}

TEST(PruneText, says_of_what_nothing_goes_since_a_manifest_cannot_be_read) {
  EXPECT_EQ(prune_text({.repositories = 1, .tags = 1, .unreadable = {{"team/app", "cannot read 'x'"}}}),
            "no manifest goes of 'team/app': cannot read 'x'\n"
            "1 tag and 0 manifests went of 1 repository\n");
}

TEST(PruneText, says_that_a_pass_goes_on_when_nobody_waits_for_it) {
  const Error late = without_answer(Error(ErrorCode::timed_out, "it does not answer"));
  EXPECT_EQ(late.code(), ErrorCode::timed_out);
  EXPECT_TRUE(late.message().starts_with("it does not answer\n"));
  EXPECT_NE(late.message().find("goes on in the server"), std::string::npos) << late.message();
  EXPECT_EQ(without_answer(Error(ErrorCode::unavailable, "no server")).message(), "no server");
}

TEST(PruneText, says_when_nothing_is_set) {
  EXPECT_EQ(prune_text({}), "no repository has a [[retention]] that fits it: all stays\n");
}

}  // namespace
}  // namespace lifeboat::cli
