#include "oci/platform.h"

#include <gtest/gtest.h>

#include "oci/manifest.h"

namespace lifeboat::oci {
namespace {

TEST(Platform, leaves_out_the_variant_an_architecture_has_anyway) {
  EXPECT_EQ((Platform{"linux", "amd64", ""}).to_string(), "linux/amd64");
  EXPECT_EQ((Platform{"linux", "amd64", "v1"}).to_string(), "linux/amd64");
  EXPECT_EQ((Platform{"linux", "amd64", "v3"}).to_string(), "linux/amd64/v3");
  EXPECT_EQ((Platform{"linux", "arm64", "v8"}).to_string(), "linux/arm64");
  EXPECT_EQ((Platform{"linux", "arm", "v7"}).to_string(), "linux/arm");
  EXPECT_EQ((Platform{"linux", "arm", "v6"}).to_string(), "linux/arm/v6");
}

TEST(Platform, reads_what_people_write) {
  EXPECT_EQ(Platform::parse("linux/arm/v6"), (Platform{"linux", "arm", "v6"}));
  EXPECT_EQ(Platform::parse("windows/amd64"), (Platform{"windows", "amd64", ""}));
  for (const std::string_view wrong : {"", "linux", "linux/", "/amd64", "linux/arm/", "linux/arm/v6/x", "Linux/amd64",
                                       "linux amd64", "unknown/unknown", "linux//v7"}) {
    const auto parsed = Platform::parse(wrong);
    ASSERT_FALSE(parsed) << wrong;
    EXPECT_EQ(parsed.error().code(), ErrorCode::invalid) << wrong;
  }
}

TEST(Platform, is_known_when_something_can_run_on_it) {
  EXPECT_TRUE((Platform{"linux", "amd64", ""}).is_known());
  EXPECT_FALSE((Platform{}).is_known());
  EXPECT_FALSE((Platform{"unknown", "unknown", ""}).is_known());
  EXPECT_FALSE((Platform{"linux", "", ""}).is_known());
}

std::string index_with(const std::string& platform) {
  return R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[
    {"mediaType":"application/vnd.oci.image.manifest.v1+json","size":1,"digest":"sha256:)" +
         std::string(64, 'a') + R"(","platform":)" + platform + "}]}";
}

TEST(Platform, is_read_from_the_children_of_an_index) {
  struct Row {
    std::string json;
    Platform platform;
  };
  const Row rows[] = {
      {R"({"os":"linux","architecture":"arm","variant":"v6"})", {"linux", "arm", "v6"}},
      {R"({"architecture":"amd64","os":"windows","os.version":"10.0","os.features":["win32k"],"x":{"os":"a"}})",
       {"windows", "amd64", ""}},
      {"null", {}},
      {"{}", {}},
      {R"({"os":7,"architecture":null,"variant":"v1"})", {"", "", "v1"}},
  };
  for (const Row& row : rows) {
    const std::string bytes = index_with(row.json);
    const auto manifest = Manifest::parse(as_bytes(bytes), "");
    ASSERT_TRUE(manifest) << row.json << ": " << manifest.error().message();
    ASSERT_EQ(manifest->manifests.size(), 1U);
    EXPECT_EQ(manifest->manifests[0].platform, row.platform) << row.json;
  }
}

TEST(Platform, of_another_kind_or_said_twice_is_refused) {
  for (const std::string wrong : {R"("linux/amd64")", "7", "[]", R"({"os":"linux","os":"windows"})"}) {
    const std::string bytes = index_with(wrong);
    const auto manifest = Manifest::parse(as_bytes(bytes), "");
    ASSERT_FALSE(manifest) << wrong;
    EXPECT_EQ(manifest.error().code(), ErrorCode::invalid) << wrong;
  }
}

}  // namespace
}  // namespace lifeboat::oci
