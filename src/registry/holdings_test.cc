#include "registry/holdings.h"

#include <gtest/gtest.h>

#include "blob/memory_store.h"
#include "meta/memory_store.h"
#include "test/support/blob_rig.h"
#include "test/support/image.h"
#include "test/support/run.h"

namespace lifeboat::registry {
namespace {

using test::a_call;
using test::Image;
using test::run;
using test::sha256_of;

class HoldingsTest : public testing::Test {
 protected:
  Holding held(const oci::Digest& digest) { return run(holdings_.of(a_call(), repository_, digest)).value(); }
  Holding held(const std::string& manifest) { return held(sha256_of(manifest)); }
  void keep_manifest(const std::string& bytes) { test::keep_manifest(blobs_, names_, repository_, bytes); }
  void keep_blob(const std::string& bytes) { test::keep_blob(blobs_, names_, repository_, bytes); }
  void keep(const Image& image) {
    keep_manifest(image.manifest);
    keep_blob(image.config);
    for (const std::string& layer : image.layers) keep_blob(layer);
  }

  const oci::RepositoryId repository_{oci::RegistryHost::parse("ghcr.io").value(),
                                      oci::Repository::parse("org/app").value()};
  blob::MemoryStore blobs_;
  meta::MemoryStore names_;
  Holdings holdings_{blobs_, names_};
};

TEST_F(HoldingsTest, nothing_is_held_of_what_was_never_here) {
  const Holding holding = held("never");
  EXPECT_FALSE(holding.is_here);
  EXPECT_FALSE(holding.is_whole);
  EXPECT_FALSE(holding.is_pullable);
}

TEST_F(HoldingsTest, a_manifest_is_whole_with_its_last_blob) {
  const Image image = test::image_of("a", 2);
  keep_manifest(image.manifest);
  keep_blob(image.layers[0]);
  keep_blob(image.layers[1]);
  EXPECT_TRUE(held(image.manifest).is_here);
  EXPECT_FALSE(held(image.manifest).is_whole) << "its config is missing";
  EXPECT_EQ(held(image.manifest).missing, std::vector{sha256_of(image.config)});
  keep_blob(image.config);
  EXPECT_TRUE(held(image.manifest).is_whole);
  EXPECT_TRUE(held(image.manifest).is_pullable);
}

TEST_F(HoldingsTest, an_index_can_be_pulled_for_the_platform_that_is_whole) {
  const Image amd = test::image_of("amd", 1);
  const Image arm = test::image_of("arm", 1);
  const std::string index = test::index_of({{amd.manifest, "linux/amd64"}, {arm.manifest, "linux/arm64"}});
  keep_manifest(index);
  keep_manifest(arm.manifest);
  EXPECT_FALSE(held(index).is_pullable);
  keep(amd);
  const Holding holding = held(index);
  EXPECT_TRUE(holding.is_pullable);
  EXPECT_FALSE(holding.is_whole);
  ASSERT_EQ(holding.children.size(), 2U);
  EXPECT_EQ(holding.children[0].platform, "linux/amd64");
  EXPECT_TRUE(holding.children[0].is_whole);
  EXPECT_EQ(holding.children[1].platform, "linux/arm64");
  EXPECT_FALSE(holding.children[1].is_whole);
  keep(arm);
  EXPECT_TRUE(held(index).is_whole);
}

TEST_F(HoldingsTest, an_attestation_makes_no_index_pullable) {
  const Image program = test::image_of("program", 1);
  const Image attestation = test::image_of("attestation", 1);
  const std::string index =
      test::index_of({{program.manifest, "linux/amd64"}, {attestation.manifest, "unknown/unknown"}});
  keep_manifest(index);
  keep(attestation);
  EXPECT_FALSE(held(index).is_pullable);
  EXPECT_EQ(held(index).children[1].platform, "");
  keep(program);
  EXPECT_TRUE(held(index).is_pullable);
}

TEST_F(HoldingsTest, an_index_without_platforms_is_pulled_whole_or_not) {
  const Image one = test::image_of("one", 1);
  const Image two = test::image_of("two", 1);
  const std::string index = test::index_of({{one.manifest, ""}, {two.manifest, ""}});
  keep_manifest(index);
  keep(one);
  EXPECT_FALSE(held(index).is_pullable);
  keep(two);
  EXPECT_TRUE(held(index).is_pullable);
  const std::string empty = test::index_of({});
  keep_manifest(empty);
  EXPECT_TRUE(held(empty).is_pullable);
}

TEST_F(HoldingsTest, what_another_repository_has_is_not_held_here) {
  const Image image = test::image_of("a", 1);
  keep(image);
  const oci::RepositoryId other{repository_.host, oci::Repository::parse("org/other").value()};
  EXPECT_FALSE(run(holdings_.of(a_call(), other, sha256_of(image.manifest)))->is_here);
}

TEST_F(HoldingsTest, indexes_of_indexes_are_followed_to_a_depth) {
  std::string inner = test::index_of({});
  keep_manifest(inner);
  for (int depth = 0; depth < 10; ++depth) {
    inner = test::index_of({{inner, ""}});
    keep_manifest(inner);
  }
  EXPECT_TRUE(held(inner).is_here);
  EXPECT_FALSE(held(inner).is_whole) << "deeper than anybody nests";
}

TEST_F(HoldingsTest, a_child_is_walked_once_however_often_it_is_named) {
  std::string inner = test::index_of({});
  keep_manifest(inner);
  for (int depth = 0; depth < 3; ++depth) {
    inner = test::index_of(std::vector<test::IndexChild>(300, {inner, ""}));  // 27 million paths
    keep_manifest(inner);
  }
  EXPECT_TRUE(held(inner).is_whole);
  EXPECT_EQ(held(inner).children.size(), 300U);
}

}  // namespace
}  // namespace lifeboat::registry
