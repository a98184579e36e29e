#include "cli/fsck_text.h"

#include <gtest/gtest.h>

#include "cli/fsck_repair.h"

namespace lifeboat::cli {
namespace {

using registry::CheckReport;
using registry::Finding;
using registry::FindingKind;
using registry::Lacks;
using registry::Severity;

oci::Digest digest(const std::string& text) { return oci::Digest::of(HashAlgorithm::sha256, as_bytes(text)); }

Finding missing_layer() {
  Finding finding{.kind = FindingKind::missing_layer, .repository = "team/app"};
  finding.digest = digest("layer");
  finding.parent = digest("manifest");
  finding.lacks = Lacks::both;
  finding.breaks = {"team/app:1", "team/app:2"};
  return finding;
}

Finding stale_upload(int number) {
  Finding finding{.kind = FindingKind::stale_upload, .severity = Severity::untidy, .repository = "team/app"};
  finding.detail = "upload " + std::to_string(number);
  return finding;
}

const FsckSubject kSubject{.path = "/data", .kind = registry::TreeKind::distribution};

TEST(FsckText, tells_of_each_finding_what_it_breaks) {
  CheckReport report{.totals = {.repositories = 1, .tags = 3, .manifests = 2, .blobs = 5, .names_broken = 2},
                     .findings = {missing_layer(), stale_upload(1)}};
  EXPECT_EQ(fsck_text(kSubject, report, false),
            "BROKEN: names that cannot be pulled whole\n"
            "  missing-layer         team/app@" +
                digest("layer").to_string() +
                ": neither link nor bytes\n"
                "                        named by " +
                digest("manifest").to_string() +
                "\n"
                "                        breaks team/app:1, team/app:2\n"
                "UNTIDY: nothing that is published suffers\n"
                "  stale-upload          team/app: upload 1\n"
                "\n"
                "checked 1 repository, 3 tags, 2 manifests, 5 blobs (distribution '/data')\n"
                "2 names broken by 1 fault, 1 thing untidy\n");
}

TEST(FsckText, does_not_say_that_all_is_well_where_it_could_not_look) {
  Finding finding{.kind = FindingKind::unreadable, .severity = Severity::unknown, .repository = "team/app"};
  finding.detail = "cannot list";
  finding.breaks = {"team/app:1"};
  const CheckReport report{.totals = {.repositories = 1}, .findings = {finding}};
  EXPECT_EQ(fsck_text(kSubject, report, false),
            "UNKNOWN: what could not be looked at\n"
            "  unreadable            team/app: cannot list\n"
            "                        may break team/app:1\n"
            "\n"
            "checked 1 repository, 0 tags, 0 manifests, 0 blobs (distribution '/data')\n"
            "every name that could be looked at is whole, 1 thing not looked at\n");
}

TEST(FsckText, says_that_all_is_well_in_two_lines) {
  const CheckReport report{.totals = {.repositories = 2, .tags = 1, .manifests = 1, .blobs = 1}};
  EXPECT_EQ(fsck_text(kSubject, report, false),
            "checked 2 repositories, 1 tag, 1 manifest, 1 blob (distribution '/data')\n"
            "every name can be pulled whole\n");
}

TEST(FsckText, does_not_fill_the_screen_with_one_kind) {
  CheckReport report;
  for (int i = 0; i < 25; ++i) report.findings.push_back(stale_upload(i));
  const std::string text = fsck_text(kSubject, report, false);
  EXPECT_NE(text.find("upload 19\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("upload 20\n"), std::string::npos) << text;
  EXPECT_NE(text.find("5 more stale-upload (--all shows them)"), std::string::npos) << text;
  EXPECT_NE(fsck_text(kSubject, report, true).find("upload 24\n"), std::string::npos);
}

TEST(FsckText, shows_ten_names_and_counts_the_rest) {
  Finding finding = missing_layer();
  for (int i = 3; i <= 13; ++i) finding.breaks.push_back("team/app:" + std::to_string(i));
  EXPECT_NE(finding_text(finding).find("team/app:10, and 3 more\n"), std::string::npos) << finding_text(finding);
}

TEST(FsckText, gives_everything_as_json) {
  const CheckReport report{.totals = {.repositories = 1, .tags = 2, .manifests = 1, .blobs = 2, .names_broken = 2},
                           .findings = {missing_layer(), stale_upload(1)}};
  EXPECT_EQ(
      fsck_json(kSubject, report),
      R"({"path":"/data","kind":"distribution","repositories":1,"tags":2,"manifests":1,"blobs":2,)"
      R"("bytes_hashed":0,"broken_names":["team/app:1","team/app:2"],"findings":[)"
      R"({"severity":"broken","kind":"missing-layer","repository":"team/app","digest":")" +
          digest("layer").to_string() + R"(","named_by":")" + digest("manifest").to_string() +
          R"(","lacks":"link and bytes","breaks":["team/app:1","team/app:2"]},)"
          R"({"severity":"untidy","kind":"stale-upload","repository":"team/app","detail":"upload 1","breaks":[]}]})"
          "\n");
}

TEST(FsckText, tells_what_was_repaired_and_what_could_not_be) {
  using Kind = registry::RepairStep::Kind;
  const registry::RepairStep link{.kind = Kind::restore_link,
                                  .repository = "team/app",
                                  .link = registry::LinkKind::blob,
                                  .digest = digest("layer")};
  registry::RepairStep bytes = link;
  bytes.kind = Kind::fetch;
  bytes.link = registry::LinkKind::manifest;
  registry::RepairOutcome outcome{.done = {link}};
  outcome.failed.push_back({bytes, Error(ErrorCode::not_found, "it has none")});
  const std::string name = digest("layer").to_string();
  EXPECT_EQ(repairs_text(outcome), "repaired: restore the link of blob '" + name +
                                       "' in repository 'team/app'\n"
                                       "not repaired: fetch manifest '" +
                                       name + "' in repository 'team/app': it has none\n\n");
  EXPECT_EQ(plan_text({link}), "would restore the link of blob '" + name + "' in repository 'team/app'\n\n");
  EXPECT_EQ(plan_text({}), "there is nothing that can be repaired\n\n");
  const std::string json = fsck_json(kSubject, {}, &outcome);
  EXPECT_NE(json.find(R"("repairs":[{"result":"done","step":"restore-link","repository":"team/app","digest":")" + name +
                      R"("},{"result":"failed","step":"fetch","repository":"team/app","digest":")" + name +
                      R"(","error":"it has none"}])"),
            std::string::npos)
      << json;
}

TEST(RepairOrigin, says_what_a_repository_is_called_there) {
  struct {
    const char* origin;
    const char* repository;
    const char* there;
  } const rows[] = {{"backup.example:5000", "team/app", "team/app"},
                    {"backup.example/mirror", "team/app", "mirror/team/app"},
                    {"backup.example/team/app", "", "team/app"}};
  for (const auto& row : rows) {
    const auto origin = RepairOrigin::parse(row.origin);
    ASSERT_TRUE(origin) << row.origin;
    EXPECT_EQ(origin->there(row.repository).value().to_string(), row.there) << row.origin;
  }
  EXPECT_FALSE(RepairOrigin::parse("https://backup.example"));
  EXPECT_FALSE(RepairOrigin::parse("backup.example")->there("")) << "a layout needs a name there";
}

TEST(FsckText, says_how_far_it_is) {
  EXPECT_EQ(check_progress_text({.doing = "checking", .done = 3, .all = 40, .of = "repositories"}),
            "checking 3 of 40 repositories");
  EXPECT_EQ(check_progress_text({.doing = "hashing", .done = 3, .all = 40, .of = "blobs", .bytes = 5 << 20}),
            "hashing 3 of 40 blobs, 5.0 MiB");
}

TEST(FsckText, lets_nothing_through_that_a_terminal_obeys) {
  Finding finding = missing_layer();
  finding.repository = "team\x1b[2J";
  finding.detail = "cannot open '/x\n\x1b]0;pwn\x07'";
  finding.breaks = {"team\x1b[2J:1"};
  const CheckReport report{.findings = {finding}};
  registry::RepairOutcome outcome;
  outcome.failed.push_back({{.repository = "\x1b[1m", .digest = digest("x")}, Error(ErrorCode::internal, "\x1b[0m\n")});
  const std::string text = fsck_text({.path = "/data\x1b[3m"}, report, false) + repairs_text(outcome) +
                           plan_text({outcome.failed[0].step}) + fsck_json({.path = "\x7f"}, report, &outcome);
  for (const char letter : text) EXPECT_TRUE((letter >= ' ' && letter <= '~') || letter == '\n') << text;
  EXPECT_EQ(std::ranges::count(fsck_text(kSubject, report, false), '\n'), 7) << "a name has begun a line";
}

}  // namespace
}  // namespace lifeboat::cli
