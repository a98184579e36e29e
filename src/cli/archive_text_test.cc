#include "cli/archive_text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "test/support/image.h"

namespace lifeboat::cli {
namespace {

namespace archive = registry::archive;
using Json = nlohmann::json;

const oci::Digest kDigest = test::sha256_of("manifest");

archive::Kept kept() {
  archive::Kept one{.path = "/mnt/org-app-v1-0123.tar", .size_bytes = 2048};
  one.roots.push_back({oci::FullReference::parse("ghcr.io/org/app:v1").value(), kDigest});
  one.removed = {"org-app-v1-4567.tar"};
  return one;
}

TEST(ArchiveText, says_what_was_saved_and_what_went_for_it) {
  EXPECT_EQ(saved_text(kept()), "saved /mnt/org-app-v1-0123.tar (2.0 KiB)\n  ghcr.io/org/app:v1 " +
                                    kDigest.to_string() + "\n  removed the older org-app-v1-4567.tar\n");
  archive::Kept there = kept();
  there.is_new = false;
  EXPECT_TRUE(saved_text(there).starts_with("already there: /mnt/"));
  const Json json = Json::parse(saved_json({kept()}))["archives"][0];
  EXPECT_EQ(json["names"][0]["digest"], kDigest.to_string());
  EXPECT_EQ(json["new"], true);
  EXPECT_EQ(json["removed"][0], "org-app-v1-4567.tar");
}

CheckedArchive broken() {
  CheckedArchive one{.path = "/mnt/a.tar", .report = {}};
  one.report.docker_faults = {"'manifest.json' is not in it"};
  archive::Checked name{
      .name = "a.example/app:v1",
      .verdict = {.name = {oci::Repository::parse("app").value(), oci::Reference(kDigest)}, .digest = kDigest},
      .left_out = {"linux/arm64"}};
  name.verdict.findings.push_back({{{registry::verify::Part::layer, kDigest, "1 of 2"}},
                                   {registry::verify::FaultKind::missing, "not in the archive"}});
  one.report.names.push_back(std::move(name));
  return one;
}

TEST(ArchiveText, names_what_is_missing_for_each_name) {
  const std::string text = checked_text(broken());
  EXPECT_TRUE(text.starts_with("/mnt/a.tar: broken\n")) << text;
  EXPECT_NE(text.find("for docker: 'manifest.json' is not in it"), std::string::npos) << text;
  EXPECT_NE(text.find("a.example/app:v1 (without linux/arm64)"), std::string::npos) << text;
  EXPECT_NE(text.find("not in the archive"), std::string::npos) << text;
  const Json json = Json::parse(checked_json({broken()}))["archives"][0];
  EXPECT_EQ(json["whole"], false);
  EXPECT_EQ(json["left_out"]["a.example/app:v1"][0], "linux/arm64");
  EXPECT_EQ(json["docker_faults"][0], "'manifest.json' is not in it");
  EXPECT_TRUE(json["verify"].is_object());
}

TEST(ArchiveText, lists_archives_with_their_names_and_lets_nothing_through_that_a_terminal_obeys) {
  archive::Standing one{.file = "a.tar", .size_bytes = 1024};
  one.entries.push_back(
      {.name = "a.example/app:v1\x1b[2J",
       .descriptor = {.media_type = oci::MediaType::parse(oci::kOciManifest).value(), .digest = kDigest}});
  archive::Standing bad{.file = "b.tar", .fault = "it is cut off"};
  const std::string text = listed_text({one, bad});
  EXPECT_NE(text.find("a.tar  1.0 KiB"), std::string::npos) << text;
  EXPECT_NE(text.find(kDigest.hex().substr(0, 12)), std::string::npos) << text;
  EXPECT_NE(text.find("cannot be read: it is cut off"), std::string::npos) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(Json::parse(listed_json({one, bad}))["archives"][1]["fault"], "it is cut off");
  EXPECT_EQ(listed_text({}), "no archives\n");
}

TEST(ArchiveText, lets_no_controls_through_in_json_and_in_paths) {
  // U+009B begins a command for a terminal as ESC [ does.
  archive::Standing one{.file = "a.tar",
                        .fault =
                            "\xc2\x9b"
                            "2J"};
  for (const char letter : listed_json({one})) EXPECT_TRUE(letter == '\n' || (letter >= ' ' && letter <= '~'));
  EXPECT_EQ(Json::parse(listed_json({one}))["archives"][0]["fault"], one.fault) << "who reads it as JSON has all of it";
  const std::string saved = saved_text({.path = "/archives/\x1b]0;\n.tar"});
  EXPECT_TRUE(saved.starts_with("saved /archives/\\x1b]0;\\x0a.tar (")) << saved;
}

TEST(ArchiveText, says_what_went_or_would_go) {
  const Pruned pruned{.removed = {"a.tar"}, .bytes = 1024, .leftovers = 2, .kept = 5};
  EXPECT_EQ(pruned_text(pruned, false),
            "removed a.tar\nremoved 2 files of killed runs\nremoved 1 archive (1.0 KiB), kept 5\n");
  EXPECT_TRUE(pruned_text(pruned, true).starts_with("would remove a.tar\n"));
  EXPECT_EQ(Json::parse(pruned_json(pruned, true))["dry_run"], true);
}

TEST(ArchiveText, says_what_an_engine_has_now) {
  EXPECT_EQ(loaded_text("docker", {{"a.example/app:v1", "sha256:12"}}),
            "loaded into docker:\n  a.example/app:v1 sha256:12\n");
  EXPECT_EQ(Json::parse(loaded_json("docker", {{"a", "b"}}))["names"][0]["digest"], "b");
}

}  // namespace
}  // namespace lifeboat::cli
