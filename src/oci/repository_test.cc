#include "oci/repository.h"

#include <gtest/gtest.h>

#include <string>

#include "oci/repository_id.h"

namespace lifeboat::oci {
namespace {

TEST(Repository, renders_what_it_parsed) {
  const struct {
    std::string name, text;
  } rows[] = {
      {"one component", "app"},
      {"one letter", "a"},
      {"digits", "0/1"},
      {"several components", "team/sub/app"},
      {"dot", "a.b"},
      {"underscore", "a_b"},
      {"two underscores", "a__b"},
      {"dash", "a-b"},
      {"many dashes", "a-----b"},
      {"several separators", "a.b_c__d--e/f.g"},
      {"named like an endpoint", "blobs/tags/manifests/uploads"},
      {"host and name", "ghcr.io/team/app"},
      {"longest", std::string(255, 'a')},
  };
  for (const auto& row : rows) {
    const auto repository = Repository::parse(row.text);
    ASSERT_TRUE(repository.has_value()) << row.name;
    EXPECT_EQ(repository->to_string(), row.text) << row.name;
  }
}

TEST(Repository, refuses_what_is_malformed) {
  const struct {
    std::string name, text;
  } rows[] = {
      {"empty", ""},
      {"slash", "/"},
      {"leading slash", "/app"},
      {"trailing slash", "app/"},
      {"double slash", "team//app"},
      {"upper case", "App"},
      {"leading dot", ".app"},
      {"trailing dot", "app."},
      {"leading dash", "-app"},
      {"trailing dash", "app-"},
      {"trailing underscore in a component", "team_/app"},
      {"two dots", "a..b"},
      {"parent directory", "a/../b"},
      {"three underscores", "a___b"},
      {"mixed separators", "a.-b"},
      {"dash and underscore", "a-_b"},
      {"colon", "a:b"},
      {"at", "a@b"},
      {"space", "a b"},
      {"percent", "a%2fb"},
      {"zero byte", std::string("a\0b", 3)},
      {"newline", "a\n"},
      {"not ASCII", "caf\xc3\xa9"},
      {"backslash", "a\\b"},
      {"too long", std::string(256, 'a')},
      {"huge", std::string(1 << 20, 'a')},
  };
  for (const auto& row : rows) {
    const auto repository = Repository::parse(row.text);
    ASSERT_FALSE(repository.has_value()) << row.name;
    EXPECT_EQ(repository.error().code(), ErrorCode::invalid) << row.name;
    EXPECT_LT(repository.error().message().size(), 300U) << row.name;
  }
}

TEST(RegistryHost, normalizes_what_people_write) {
  const struct {
    std::string name, text, want;
  } rows[] = {
      {"name", "ghcr.io", "ghcr.io"},
      {"name with port", "registry.example:5000", "registry.example:5000"},
      {"upper case", "GHCR.io", "ghcr.io"},
      {"trailing dot", "ghcr.io.", "ghcr.io"},
      {"trailing dot and port", "ghcr.io.:443", "ghcr.io:443"},
      {"leading zeros of a port", "ghcr.io:00443", "ghcr.io:443"},
      {"one label", "localhost", "localhost"},
      {"IPv4", "127.0.0.1:5000", "127.0.0.1:5000"},
      {"IPv6", "[::1]:5000", "[::1]:5000"},
      {"IPv6 without port", "[::1]", "[::1]"},
      {"long IPv6", "[2001:DB8:0:0:0:0:0:1]", "[2001:db8::1]"},
      {"Docker Hub", "docker.io", "docker.io"},
      {"Docker Hub's index", "index.docker.io", "docker.io"},
      {"Docker Hub's registry", "registry-1.docker.io", "docker.io"},
      {"Docker Hub in upper case with a dot", "Index.Docker.IO.", "docker.io"},
      {"under Docker Hub", "x.docker.io", "x.docker.io"},
      {"dashes", "a--b.example", "a--b.example"},
  };
  for (const auto& row : rows) {
    const auto host = RegistryHost::parse(row.text);
    ASSERT_TRUE(host.has_value()) << row.name;
    EXPECT_EQ(host->to_string(), row.want) << row.name;
    EXPECT_EQ(host->is_docker_hub(), row.want == "docker.io") << row.name;
    EXPECT_EQ(RegistryHost::parse(host->to_string()), *host) << row.name;
  }
}

TEST(RegistryHost, refuses_what_is_malformed) {
  const struct {
    std::string name, text;
  } rows[] = {
      {"empty", ""},
      {"dot", "."},
      {"two trailing dots", "ghcr.io.."},
      {"empty label", "ghcr..io"},
      {"leading dot", ".ghcr.io"},
      {"leading dash", "-ghcr.io"},
      {"trailing dash", "ghcr-.io"},
      {"scheme", "https://ghcr.io"},
      {"path", "ghcr.io/team"},
      {"user", "user@ghcr.io"},
      {"empty port", "ghcr.io:"},
      {"port zero", "ghcr.io:0"},
      {"port too large", "ghcr.io:65536"},
      {"huge port", "ghcr.io:99999999999999999999"},
      {"port with a sign", "ghcr.io:+443"},
      {"port with letters", "ghcr.io:443a"},
      {"two ports", "ghcr.io:1:2"},
      {"only a port", ":5000"},
      {"IPv6 without brackets", "::1"},
      {"open bracket", "[::1"},
      {"only brackets", "[]"},
      {"letters behind the bracket", "[::1]a"},
      {"no IPv6", "[ghcr.io]"},
      {"IPv6 with zone", "[fe80::1%eth0]"},
      {"zero byte in IPv6", std::string("[::1\0]", 6)},
      {"underscore", "my_registry:5000"},
      {"space", "ghcr.io "},
      {"long label", std::string(64, 'a') + ".io"},
      {"huge", std::string(1 << 20, 'a')},
  };
  for (const auto& row : rows) {
    const auto host = RegistryHost::parse(row.text);
    ASSERT_FALSE(host.has_value()) << row.name;
    EXPECT_EQ(host.error().code(), ErrorCode::invalid) << row.name;
  }
}

TEST(RepositoryId, says_whether_it_is_hosted_here) {
  const RepositoryId hosted{.host = std::nullopt, .name = *Repository::parse("team/app")};
  const RepositoryId foreign{.host = *RegistryHost::parse("ghcr.io"), .name = *Repository::parse("team/app")};
  EXPECT_TRUE(hosted.is_hosted());
  EXPECT_FALSE(foreign.is_hosted());
  EXPECT_EQ(hosted.to_string(), "team/app");
  EXPECT_EQ(foreign.to_string(), "ghcr.io/team/app");
  EXPECT_NE(hosted, foreign);
}

}  // namespace
}  // namespace lifeboat::oci
