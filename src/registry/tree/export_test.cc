#include "registry/tree/export.h"

#include <gtest/gtest.h>

#include "registry/tree/check.h"
#include "sys/disk_beneath.h"
#include "test/support/code_of.h"
#include "test/support/tree.h"

namespace lifeboat::registry {
namespace {

namespace fs = std::filesystem;
using test::code_of;
using test::sha256_of;

class ExportTest : public testing::Test {
 protected:
  ExportTest() {
    tree_.push("team/app", amd64_);
    tree_.push("team/app", arm64_);
    tree_.push_manifest("team/app", index_, "1");
    tree_.push("solo", amd64_, "v1");
  }
  fs::path to() const { return data_.path() / "out"; }
  Result<ExportReport> run(ExportOptions options) {
    options.to = to();
    OpenTree open = open_tree(tree_.root(), std::nullopt, *files_).value();
    PlacedFiles placed({*files_, *sharing_});
    return export_tree(open, placed, options, [](const auto&) {});
  }
  /// What fsck says of the export.
  CheckReport checked() {
    OpenTree open = open_tree(to(), std::nullopt, *files_).value();
    return check(open, {.is_deep = true, .now = WallTime::max()}, [](const auto&) {}).value();
  }
  std::string marker() const {
    std::ifstream file(to() / "lifeboat-export");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const test::DistributionFiles tree_;
  const test::TemporaryDirectory data_;
  const test::Image amd64_ = test::image_of("amd64", 2);
  const test::Image arm64_ = test::image_of("arm64", 1);
  const std::string index_ = test::index_of({{amd64_.manifest, "linux/amd64"}, {arm64_.manifest, "linux/arm64"}});
  const std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
  const std::unique_ptr<sys::FileSharing> sharing_ = sys::make_posix_file_sharing();
};

TEST_F(ExportTest, writes_a_tree_in_which_nothing_is_missing) {
  for (const ExportLayout layout : {ExportLayout::distribution, ExportLayout::oci}) {
    fs::remove_all(to());
    const auto report = run({.layout = layout});
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->tags, 2U);
    EXPECT_EQ(report->manifests, 3U);
    EXPECT_TRUE(report->refused.empty());
    const CheckReport after = checked();
    EXPECT_TRUE(after.findings.empty());
    EXPECT_EQ(after.totals.tags, 2U);
    EXPECT_NE(marker().find(", complete"), std::string::npos);
  }
}

TEST_F(ExportTest, gives_no_name_to_what_is_not_whole) {
  fs::remove(tree_.layer("team/app", sha256_of(arm64_.layers[0])));
  const auto report = run({});
  ASSERT_EQ(report->refused.size(), 2U) << "the tag, and the platform by its digest";
  EXPECT_EQ(report->refused[0].name, "team/app:1");
  EXPECT_TRUE(checked().findings.empty());
  EXPECT_FALSE(fs::exists(to() / "docker/registry/v2/repositories/team/app/_manifests/tags/1"));
}

TEST_F(ExportTest, gives_no_name_to_what_is_damaged) {
  std::string damaged = arm64_.layers[0];
  damaged.front() ^= 1;
  tree_.write(tree_.blob(sha256_of(arm64_.layers[0])), damaged);
  const auto report = run({});
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->refused.at(0).name, "team/app:1");
  EXPECT_TRUE(checked().findings.empty()) << "solo is whole, and nothing of the damaged bytes is there";
}

TEST_F(ExportTest, touches_no_directory_of_somebody_else) {
  test::DistributionFiles::write(to() / "precious", "theirs");
  EXPECT_EQ(code_of(run({})), "invalid");
  EXPECT_EQ(std::distance(fs::directory_iterator(to()), {}), 1);
  fs::remove_all(to());
  ASSERT_TRUE(run({}));
  EXPECT_EQ(code_of(run({.layout = ExportLayout::oci})), "invalid") << "its own, of another layout";
}

TEST_F(ExportTest, writes_nothing_where_a_link_leads) {
  const sys::DiskBeneath disk = sys::make_disk_beneath(to());
  const auto export_beneath = [&] {
    ExportOptions options;
    options.to = to();
    OpenTree open = open_tree(tree_.root(), std::nullopt, *files_).value();
    PlacedFiles placed({*disk.files, *disk.sharing});
    return export_tree(open, placed, options, [](const auto&) {});
  };
  ASSERT_TRUE(export_beneath());
  EXPECT_TRUE(checked().findings.empty());
  const fs::path outside = data_.path() / "outside";
  fs::create_directory(outside);
  fs::remove_all(to() / "docker/registry/v2/blobs");
  fs::create_directory_symlink(outside, to() / "docker/registry/v2/blobs");
  EXPECT_EQ(code_of(export_beneath()), "invalid");
  EXPECT_TRUE(fs::is_empty(outside));
}

TEST_F(ExportTest, goes_on_where_it_was_cut_off) {
  ASSERT_TRUE(run({}));
  const fs::path blob = to() / "docker/registry/v2/blobs/sha256" / sha256_of(amd64_.config).hex().substr(0, 2) /
                        sha256_of(amd64_.config).hex() / "data";
  fs::rename(blob, blob.native() + ".lifeboat-new");
  const auto again = run({});
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->bytes_written, amd64_.config.size());
  EXPECT_TRUE(checked().findings.empty());
  EXPECT_FALSE(fs::exists(blob.native() + ".lifeboat-new"));
}

TEST_F(ExportTest, writes_anew_what_has_rotted_since) {
  ASSERT_TRUE(run({}));
  const fs::path blob = to() / "docker/registry/v2/blobs/sha256" / sha256_of(amd64_.layers[0]).hex().substr(0, 2) /
                        sha256_of(amd64_.layers[0]).hex() / "data";
  std::string rotten = amd64_.layers[0];
  rotten.back() ^= 1;
  fs::permissions(blob, fs::perms::owner_write, fs::perm_options::add);
  test::DistributionFiles::write(blob, rotten);
  ASSERT_FALSE(checked().findings.empty()) << "the test must have damaged something";
  const auto again = run({});
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->bytes_written, amd64_.layers[0].size());
  EXPECT_TRUE(checked().findings.empty());
}

TEST_F(ExportTest, links_only_when_it_is_told_to_and_leaves_our_files_as_they_are) {
  const fs::path ours = tree_.blob(sha256_of(amd64_.config));
  fs::permissions(ours, fs::perms::owner_read);
  ASSERT_TRUE(run({}));
  EXPECT_EQ(fs::hard_link_count(ours), 1U);
  fs::remove_all(to());
  ASSERT_TRUE(run({.links = true}));
  EXPECT_EQ(fs::hard_link_count(ours), 2U);
  EXPECT_EQ(fs::status(ours).permissions(), fs::perms::owner_read);
}

TEST_F(ExportTest, exports_what_is_named_and_says_before_what_it_would) {
  const auto planned = run({.is_dry_run = true});
  EXPECT_EQ(planned->tags, 2U);
  EXPECT_FALSE(fs::exists(to()));
  ASSERT_TRUE(run({.patterns = {oci::ReferencePattern::parse("solo").value()}}));
  EXPECT_EQ(checked().totals.repositories, 1U);
}

}  // namespace
}  // namespace lifeboat::registry
