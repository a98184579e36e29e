#include "upstream/docker_config.h"

#include <gtest/gtest.h>

namespace lifeboat::upstream {
namespace {

// "ci:s3:cret" in base64
constexpr std::string_view kConfig = R"({
  "auths": {
    "ghcr.io": {"auth": "Y2k6czM6Y3JldA=="},
    "https://quay.io/v2/": {"username": "u", "password": "p"},
    "https://index.docker.io/v1/": {"auth": "Y2k6czM6Y3JldA=="},
    "registry.example:5000": {"auth": "Y2k6czM6Y3JldA=="},
    "token.example": {"identitytoken": "abc"},
    "broken.example": {"auth": "%%%"},
    "empty.example": {}
  },
  "credHelpers": {"123.dkr.ecr.eu-west-1.amazonaws.com": "ecr-login"}
})";

TEST(DockerConfig, has_the_login_of_a_registry) {
  const struct {
    std::string authority;
    std::optional<Credentials> want;
  } rows[] = {
      {"ghcr.io", Credentials{"ci", "s3:cret"}},
      {"quay.io", Credentials{"u", "p"}},
      {"docker.io", Credentials{"ci", "s3:cret"}},
      {"registry-1.docker.io", Credentials{"ci", "s3:cret"}},
      {"registry.example:5000", Credentials{"ci", "s3:cret"}},
      {"registry.example", std::nullopt},
      {"io", std::nullopt},
      {"empty.example", std::nullopt},
  };
  for (const auto& row : rows) {
    const auto login = docker_login_of(kConfig, row.authority);
    ASSERT_TRUE(login) << row.authority << ": " << login.error().message();
    EXPECT_EQ(login->credentials, row.want) << row.authority;
    EXPECT_EQ(login->helper, "") << row.authority;
  }
}

TEST(DockerConfig, names_the_helper) {
  EXPECT_EQ(docker_login_of(kConfig, "123.dkr.ecr.eu-west-1.amazonaws.com")->helper, "ecr-login");
  const std::string_view with_store = R"({"auths":{"ghcr.io":{}},"credsStore":"pass"})";
  EXPECT_EQ(docker_login_of(with_store, "ghcr.io")->helper, "pass");
  EXPECT_EQ(docker_login_of(with_store, "ghcr.io")->credentials, std::nullopt);
}

TEST(DockerConfig, says_what_it_cannot_use) {
  EXPECT_EQ(docker_login_of(kConfig, "token.example").error().code(), ErrorCode::unsupported);
  EXPECT_EQ(docker_login_of(kConfig, "broken.example").error().code(), ErrorCode::invalid);
  EXPECT_EQ(docker_login_of("[]", "ghcr.io").error().code(), ErrorCode::invalid);
  EXPECT_EQ(docker_login_of("{", "ghcr.io").error().code(), ErrorCode::invalid);
  EXPECT_TRUE(docker_login_of(R"({"auths":[],"credHelpers":7,"credsStore":{}})", "ghcr.io"));
}

TEST(DockerConfig, reads_what_a_helper_says) {
  const Credentials want{"AWS", "secret"};
  EXPECT_EQ(parse_helper_answer(R"({"ServerURL":"x","Username":"AWS","Secret":"secret"})").value(), want);
  EXPECT_EQ(parse_helper_answer("credentials not found in native keychain\n").error().code(), ErrorCode::unauthorized);
  EXPECT_EQ(parse_helper_answer(R"({"Username":"<token>","Secret":"x"})").error().code(), ErrorCode::unsupported);
  EXPECT_EQ(parse_helper_answer(R"({"Username":"","Secret":""})").error().code(), ErrorCode::unauthorized);
}

}  // namespace
}  // namespace lifeboat::upstream
