#include "registry/verify/wanted.h"

#include <gtest/gtest.h>

#include "test/support/code_of.h"

namespace lifeboat::registry::verify {
namespace {

TEST(VerifyWanted, reads_what_people_write) {
  const std::string digest = "@sha256:" + std::string(64, 'a');
  struct Row {
    std::string text;
    std::string want;
  };
  const std::vector<Row> rows{
      {"nginx", "docker.io/nginx:*"},
      {"ghcr.io/org/app", "ghcr.io/org/app:*"},
      {"ghcr.io/org/app:1.0", "ghcr.io/org/app:1.0"},
      {"ghcr.io/org/app:v1.*", "ghcr.io/org/app:v1.*"},
      {"ghcr.io/org/app" + digest, "ghcr.io/org/app" + digest},
      {"ghcr.io/org/app:1.0" + digest, "ghcr.io/org/app" + digest},
      {"localhost:5000/app", "localhost:5000/app:*"},
      {"127.0.0.1:5000/app:1", "127.0.0.1:5000/app:1"},
  };
  for (const Row& row : rows) {
    const auto wanted = Wanted::parse(row.text);
    ASSERT_TRUE(wanted) << row.text << ": " << wanted.error().message();
    EXPECT_EQ(wanted->to_string(), row.want);
  }
  for (const char* bad : {"", "ghcr.io/", "ghcr.io/UPPER", "a:", "a:v 1*", "a:v/1*", "a@sha256:1", "ghcr.io/*"}) {
    EXPECT_EQ(test::code_of(Wanted::parse(bad)), "invalid") << bad;
  }
}

TEST(VerifyWanted, a_star_stands_for_any_part_of_a_tag) {
  const auto wanted = Wanted::parse("a:v1.*-rc")->what;
  const auto& tags = std::get<Wanted::Tags>(wanted);
  EXPECT_TRUE(tags.has(*oci::Tag::parse("v1.2-rc")));
  EXPECT_FALSE(tags.has(*oci::Tag::parse("v1.2")));
}

}  // namespace
}  // namespace lifeboat::registry::verify
