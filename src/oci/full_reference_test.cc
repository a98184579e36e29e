#include "oci/full_reference.h"

#include <gtest/gtest.h>

namespace lifeboat::oci {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

TEST(FullReference, is_read_as_people_write_it) {
  const struct {
    std::string text;
    std::string host, repository, reference;
    std::string rendered;
  } rows[] = {
      {"nginx", "", "nginx", "latest", "nginx:latest"},
      {"nginx:1.25", "", "nginx", "1.25", "nginx:1.25"},
      {"team/app:v1", "", "team/app", "v1", "team/app:v1"},
      {"ghcr.io/org/app:v1", "ghcr.io", "org/app", "v1", "ghcr.io/org/app:v1"},
      {"GHCR.io/org/app", "ghcr.io", "org/app", "latest", "ghcr.io/org/app:latest"},
      {"index.docker.io/nginx", "docker.io", "nginx", "latest", "docker.io/nginx:latest"},
      {"registry.example:5000/a/b/c:1", "registry.example:5000", "a/b/c", "1", "registry.example:5000/a/b/c:1"},
      {"localhost/app", "localhost", "app", "latest", "localhost/app:latest"},
      {"[::1]:5000/app:2", "[::1]:5000", "app", "2", "[::1]:5000/app:2"},
      {"app@" + kDigest, "", "app", kDigest, "app@" + kDigest},
      {"ghcr.io/org/app:v1@" + kDigest, "ghcr.io", "org/app", kDigest, "ghcr.io/org/app@" + kDigest},
      {"a.b", "", "a.b", "latest", "a.b:latest"},
  };
  for (const auto& row : rows) {
    const auto parsed = FullReference::parse(row.text);
    ASSERT_TRUE(parsed.has_value()) << row.text << ": " << parsed.error().message();
    EXPECT_EQ(parsed->host ? parsed->host->to_string() : "", row.host) << row.text;
    EXPECT_EQ(parsed->repository.to_string(), row.repository) << row.text;
    EXPECT_EQ(parsed->reference.to_string(), row.reference) << row.text;
    EXPECT_EQ(parsed->to_string(), row.rendered) << row.text;
    EXPECT_EQ(FullReference::parse(parsed->to_string()).value(), *parsed) << row.text;
  }
}

TEST(FullReference, says_what_is_wrong_with_it) {
  const struct {
    std::string text;
    std::string reason;
  } rows[] = {
      {"", "its name is malformed"},
      {"ghcr.io/", "its name is malformed"},
      {"Nginx", "its name is malformed"},
      {"docker://nginx", "what stands before the first '/' is no host"},
      {"ghcr.io:0/app", "what stands before the first '/' is no host"},
      {"app:", "what stands behind the ':' is no tag"},
      {"app:a:b", "what stands behind the ':' is no tag"},
      {"app@", "what stands behind the '@' is no digest"},
      {"app@sha256:abc", "what stands behind the '@' is no digest"},
      {"app:-x@" + kDigest, "what stands behind the ':' is no tag"},
  };
  for (const auto& row : rows) {
    const auto parsed = FullReference::parse(row.text);
    ASSERT_FALSE(parsed.has_value()) << row.text;
    EXPECT_EQ(parsed.error().code(), ErrorCode::invalid) << row.text;
    EXPECT_TRUE(parsed.error().message().starts_with("cannot parse reference '")) << parsed.error().message();
    EXPECT_NE(parsed.error().message().find(": " + row.reason + " (want "), std::string::npos)
        << row.text << ": " << parsed.error().message();
  }
}

}  // namespace
}  // namespace lifeboat::oci
