#include "registry/upkeep/retention_platforms.h"

#include <gtest/gtest.h>

#include "blob/memory_store.h"
#include "meta/memory_store.h"
#include "test/support/image.h"
#include "test/support/manual_clock.h"

namespace lifeboat::registry {
namespace {

using test::a_call;
using test::run;
using test::sha256_of;

class RetentionPlatformsTest : public testing::Test {
 protected:
  /// One image whose config is these bytes; whether the repository has them is for the test to say.
  std::string image_with(const std::string& config,
                         std::string_view type = "application/vnd.oci.image.config.v1+json") {
    return R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":)" +
           test::descriptor_of(config, type) + R"(,"layers":[]})";
  }
  void keep(const std::string& manifest, std::vector<oci::Digest> children = {}, const char* tag = nullptr) {
    test::keep_manifest(blobs_, names_, app_, manifest);
    view_.manifests.push_back({.digest = sha256_of(manifest), .children = std::move(children)});
    if (tag != nullptr) view_.tags.push_back({oci::Tag::parse(tag).value(), sha256_of(manifest)});
  }
  void tell() {
    run([](RetentionPlatformsTest& self) -> Task<void> {
      const PlatformsOf of{self.blobs_, self.names_, self.app_, self.is_stopping_};
      co_await tell_platforms(a_call(), of, self.view_);
      co_return Status();
    }(*this));
  }
  /// "linux/arm64", "none", "unread".
  std::string told_of(const std::string& manifest) {
    for (const auto& one : view_.manifests) {
      if (one.digest != sha256_of(manifest)) continue;
      if (one.has_unread_platform) return "unread";
      return one.platform ? one.platform->to_string() : "none";
    }
    return "not in the view";
  }

  const oci::RepositoryId app_{std::nullopt, oci::Repository::parse("team/app").value()};
  test::ManualClock clock_;
  blob::MemoryStore blobs_;
  meta::MemoryStore names_{clock_};
  std::atomic<bool> is_stopping_ = false;
  RetentionView view_;
};

TEST_F(RetentionPlatformsTest, takes_the_index_at_its_word) {
  const std::string arm = image_with("never here: arm"), amd = image_with("never here: amd");
  const std::string index = test::index_of({{arm, "linux/arm64"}, {amd, "linux/amd64"}});
  keep(arm);
  keep(amd);
  keep(index, {sha256_of(arm), sha256_of(amd)}, "v1");
  tell();
  EXPECT_EQ(told_of(arm), "linux/arm64");
  EXPECT_EQ(told_of(amd), "linux/amd64");
  EXPECT_EQ(told_of(index), "none");
}

TEST_F(RetentionPlatformsTest, reads_the_config_of_a_lone_image) {
  const std::string config = R"({"os":"linux","architecture":"riscv64"})";
  const std::string image = image_with(config), untagged = image_with("other");
  test::keep_blob(blobs_, names_, app_, config);
  keep(image, {}, "v1");
  keep(untagged);
  const std::string chart = image_with("chart", "application/vnd.cncf.helm.config.v1+json");
  keep(chart, {}, "chart");
  tell();
  EXPECT_EQ(told_of(image), "linux/riscv64");
  EXPECT_EQ(told_of(untagged), "none") << "no tag leads there: nobody asks";
  EXPECT_EQ(told_of(chart), "none") << "its config is not here, and says no platform anyway";
}

TEST_F(RetentionPlatformsTest, reads_the_config_of_a_child_of_which_the_index_says_nothing) {
  const std::string config = R"({"os":"linux","architecture":"s390x"})";
  const std::string image = image_with(config);
  test::keep_blob(blobs_, names_, app_, config);
  const std::string index = test::index_of({{image, ""}});
  keep(image);
  keep(index, {sha256_of(image)}, "v1");
  tell();
  EXPECT_EQ(told_of(image), "linux/s390x");
}

TEST_F(RetentionPlatformsTest, says_what_it_could_not_read) {
  const std::string image = image_with("not captured"), broken = image_with("x"), index = test::index_of({{image, ""}});
  keep(image, {}, "v1");
  keep(broken, {}, "v2");
  keep(index, {sha256_of(image)}, "v3");
  blobs_.damage(sha256_of(broken), "rotten");
  blobs_.damage(sha256_of(index), std::nullopt);
  tell();
  for (const std::string& one : {image, broken, index}) EXPECT_EQ(told_of(one), "unread");
}

TEST_F(RetentionPlatformsTest, reads_nothing_more_when_the_server_stops) {
  const std::string index = test::index_of({});
  keep(index, {}, "v1");
  is_stopping_ = true;
  tell();
  EXPECT_EQ(told_of(index), "unread");
}

}  // namespace
}  // namespace lifeboat::registry
