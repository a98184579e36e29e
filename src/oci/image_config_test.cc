#include "oci/image_config.h"

#include <gtest/gtest.h>

namespace lifeboat::oci {
namespace {

TEST(ImageConfig, says_what_it_runs_on) {
  const struct {
    const char* what;
    const char* json;
    const char* platform;  ///< "": says none
  } rows[] = {
      {"as builders write it",
       R"({"architecture":"arm","config":{"Env":["os=x"]},"os":"linux","rootfs":{"type":"layers"},"variant":"v6"})",
       "linux/arm/v6"},
      {"without a variant", R"({"os":"linux","architecture":"amd64"})", "linux/amd64"},
      {"fields of the same name further down", R"({"config":{"os":"windows"},"os":"linux","architecture":"arm64"})",
       "linux/arm64"},
      {"a null is not there", R"({"os":"linux","architecture":"arm64","variant":null})", "linux/arm64"},
      {"nothing said", R"({"config":{"os":"linux"}})", ""},
      {"an empty object", "{}", ""},
  };
  for (const auto& row : rows) {
    const auto platform = platform_of_config(row.json);
    ASSERT_TRUE(platform) << row.what << ": " << platform.error().message();
    EXPECT_EQ(platform->has_value() ? (*platform)->to_string() : "", row.platform) << row.what;
  }
}

TEST(ImageConfig, refuses_what_is_none) {
  for (const char* text : {"", "[]", "{", "\"linux\"", R"({"os":1})", R"({"os":["linux"]})", R"({"os":{"a":1}})"}) {
    const auto platform = platform_of_config(text);
    ASSERT_FALSE(platform) << text;
    EXPECT_EQ(platform.error().code(), ErrorCode::invalid) << text;
  }
}

TEST(ImageConfig, is_not_that_of_an_artifact) {
  const auto is_one = [](const char* type) { return is_image_config(MediaType::parse(type).value()); };
  EXPECT_TRUE(is_one("application/vnd.oci.image.config.v1+json"));
  EXPECT_TRUE(is_one("application/vnd.docker.container.image.v1+json"));
  EXPECT_FALSE(is_one("application/vnd.cncf.helm.config.v1+json"));
  EXPECT_FALSE(is_one("application/vnd.oci.empty.v1+json"));
}

}  // namespace
}  // namespace lifeboat::oci
