#include "registry/tree/layout_tree.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "registry/tree/check.h"
#include "registry/tree/repair.h"
#include "test/support/tree.h"

namespace lifeboat::registry {
namespace {

using test::sha256_of;

class LayoutTreeTest : public testing::Test {
 protected:
  LayoutTreeTest() {
    for (const test::Image& image : {first_, second_}) {
      for (const std::string& bytes : {image.manifest, image.config, image.layers[0]}) {
        test::DistributionFiles::write(root() / "blobs/sha256" / sha256_of(bytes).hex(), bytes);
      }
    }
    test::DistributionFiles::write(root() / "oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  }
  std::filesystem::path root() const { return directory_.path() / "layout"; }
  static std::string entry(const std::string& manifest, const std::string& tag) {
    return test::descriptor_of(manifest, oci::kOciManifest,
                               R"(,"annotations":{"org.opencontainers.image.ref.name":")" + tag + R"("})");
  }
  std::vector<Finding> found_with(const std::string& entries) {
    test::DistributionFiles::write(root() / "index.json", R"({"schemaVersion":2,"manifests":[)" + entries + "]}");
    OpenTree open = open_tree(root(), std::nullopt, *files_).value();
    return check(open, {.now = WallTime::max()}, [](const auto&) {}).value().findings;
  }

  const test::TemporaryDirectory directory_;
  const test::Image first_ = test::image_of("first", 1);
  const test::Image second_ = test::image_of("second", 1);
  const std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
};

TEST_F(LayoutTreeTest, has_each_tag_once_however_often_it_is_said) {
  EXPECT_TRUE(found_with(entry(first_.manifest, "1") + "," + entry(first_.manifest, "1")).empty());
  LayoutTree tree(root(), *files_);
  DigestTable table;
  EXPECT_EQ(tree.read("", table).value().tags.size(), 1U);
}

TEST_F(LayoutTreeTest, follows_no_tag_that_is_given_to_two_manifests) {
  const auto found =
      found_with(entry(first_.manifest, "1") + "," + entry(second_.manifest, "1") + "," + entry(second_.manifest, "2"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].kind, FindingKind::ambiguous_tag);
  EXPECT_EQ(found[0].severity, Severity::broken);
  EXPECT_EQ(found[0].breaks, std::vector<std::string>{"1"});
  EXPECT_EQ(found[0].detail, "index.json gives the tag to " + sha256_of(first_.manifest).to_string() +
                                 ", which skopeo takes, and to " + sha256_of(second_.manifest).to_string() +
                                 ", which containerd takes");
}

TEST_F(LayoutTreeTest, compares_the_lengths_that_its_index_says) {
  std::string wrong = entry(first_.manifest, "1");
  const std::string said = R"("size":)" + std::to_string(first_.manifest.size());
  wrong.replace(wrong.find(said), said.size(), R"("size":9)");
  const auto found = found_with(wrong + "," + entry(second_.manifest, "2"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].kind, FindingKind::wrong_size);
  EXPECT_EQ(found[0].breaks, std::vector<std::string>{"1"});
  EXPECT_TRUE(plan_repair(TreeKind::oci_layout, found, true).empty()) << "the bytes are right";
}

}  // namespace
}  // namespace lifeboat::registry
