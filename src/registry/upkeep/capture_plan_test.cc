#include "registry/upkeep/capture_plan.h"

#include <gtest/gtest.h>

#include "test/support/image.h"

namespace lifeboat::registry {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(CapturePlan, writes_and_reads_platforms) {
  for (const char* text : {"", "all", "linux/amd64", "linux/amd64,linux/arm/v6"}) {
    EXPECT_EQ(PlatformsWanted::parse(text)->to_string(), text);
  }
  EXPECT_EQ(PlatformsWanted::parse("linux/arm64/v8,linux/amd64,linux/arm64")->to_string(), "linux/amd64,linux/arm64");
  EXPECT_EQ(PlatformsWanted::parse("linux/amd64,all")->to_string(), "all");
  for (const char* wrong : {"linux", "linux/amd64,,linux/arm", "ALL", "linux/amd64;linux/arm"}) {
    EXPECT_FALSE(PlatformsWanted::parse(wrong)) << wrong;
  }
}

TEST(CapturePlan, wants_children_by_platform_and_those_without_one) {
  const std::string index = test::index_of(
      {{"a", "linux/amd64"}, {"b", "linux/arm64"}, {"c", "unknown/unknown"}, {"d", ""}, {"e", "windows/amd64"}});
  const auto manifest = oci::Manifest::parse(as_bytes(index), "").value();
  const auto wanted = [&](const PlatformsWanted& platforms) {
    std::string names;
    for (const oci::Descriptor& child : children_wanted(manifest, platforms)) {
      for (const char* name : {"a", "b", "c", "d", "e"}) {
        if (child.digest == test::sha256_of(name)) names += name;
      }
    }
    return names;
  };
  EXPECT_EQ(wanted({}), "cd");
  EXPECT_EQ(wanted({.has_all = false, .names = {"linux/arm64"}}), "bcd");
  EXPECT_EQ(wanted({.has_all = true, .names = {}}), "abcde");
}

TEST(CapturePlan, tries_again_later_and_later) {
  struct Row {
    const char* name;
    ErrorCode code;
    uint32_t failures;
    bool can_be_asked;
    Duration pause;
    bool is_failure;
  };
  const Row rows[] = {
      {"a first failure", ErrorCode::unavailable, 0, true, seconds(30), true},
      {"a second", ErrorCode::unavailable, 1, true, minutes(1), true},
      {"the hundredth", ErrorCode::unavailable, 100, true, hours(6), true},
      {"a layer that is missing there", ErrorCode::not_found, 0, true, seconds(30), true},
      {"wrong bytes", ErrorCode::corrupt, 3, true, minutes(4), true},
      {"the upstream is down: it is not the manifest's fault", ErrorCode::unavailable, 7, false, minutes(10), false},
      {"down, and the wait ended first", ErrorCode::timed_out, 7, false, minutes(10), false},
      {"a layer that is missing, and then it went down", ErrorCode::not_found, 0, false, seconds(30), true},
      {"a rate limit", ErrorCode::too_many, 7, true, minutes(5), false},
      {"a login that is refused", ErrorCode::unauthorized, 0, true, seconds(30), true},
      {"a login that is refused for long", ErrorCode::denied, 100, true, minutes(5), true},
      {"switched off", ErrorCode::unsupported, 0, true, hours(6), false},
      {"the process ends", ErrorCode::cancelled, 3, true, seconds(0), false},
      {"our own disk is full", ErrorCode::no_space, 0, true, seconds(30), true},
  };
  for (const Row& row : rows) {
    const CaptureRetry retry = retry_of(row.code, row.failures, row.can_be_asked);
    EXPECT_EQ(retry.pause, row.pause) << row.name;
    EXPECT_EQ(retry.is_failure, row.is_failure) << row.name;
  }
}

TEST(CapturePlan, knows_where_signatures_are_kept) {
  const oci::Digest digest = test::sha256_of("m");
  const auto tags = signature_tags_of(digest);
  ASSERT_EQ(tags.size(), 3U);
  EXPECT_EQ(tags[0].to_string(), "sha256-" + digest.hex() + ".sig");
  EXPECT_EQ(tags[1].to_string(), "sha256-" + digest.hex() + ".att");
  EXPECT_EQ(tags[2].to_string(), "sha256-" + digest.hex() + ".sbom");
  EXPECT_TRUE(signature_tags_of(oci::Digest::of(HashAlgorithm::sha512, as_bytes("m"))).empty())
      << "longer than a tag may be";
}

TEST(CapturePlan, leaves_out_what_need_not_be_here) {
  const auto manifest = oci::Manifest::parse(
      as_bytes(R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":)" +
               test::descriptor_of("c", "application/vnd.oci.image.config.v1+json") + R"(,"layers":[)" +
               test::descriptor_of("l", "application/vnd.oci.image.layer.v1.tar") + "," +
               test::descriptor_of("f", "application/vnd.oci.image.layer.nondistributable.v1.tar") + "]}"),
      "");
  ASSERT_TRUE(manifest) << manifest.error().message();
  const auto blobs = blobs_wanted(*manifest);
  ASSERT_EQ(blobs.size(), 2U);
  EXPECT_EQ(blobs[0].digest, test::sha256_of("c"));
  EXPECT_EQ(blobs[1].digest, test::sha256_of("l"));
}

}  // namespace
}  // namespace lifeboat::registry
