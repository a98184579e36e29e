#include "oci/reference_pattern.h"

#include <gtest/gtest.h>

namespace lifeboat::oci {
namespace {

TEST(ReferencePattern, means_repositories_and_their_tags) {
  const struct {
    const char* name;
    const char* pattern;
    const char* repository;
    const char* tag;  ///< null: asked for by digest
    bool want;
  } rows[] = {
      {"a repository, any tag", "org/app", "org/app", "v1", true},
      {"a repository, by digest", "org/app", "org/app", nullptr, true},
      {"another repository", "org/app", "org/other", "v1", false},
      {"all of an organisation", "org/*", "org/team/app", "v1", true},
      {"all of an organisation, by digest", "org/*", "org/app", nullptr, true},
      {"not the organisation's namesake", "org/*", "organ/app", "v1", false},
      {"one tag", "org/*:latest", "org/app", "latest", true},
      {"not another tag", "org/*:latest", "org/app", "v1", false},
      {"not a tag that begins so", "org/*:latest", "org/app", "latest-dev", false},
      {"a tag of another repository", "org/*:latest", "team/app", "latest", false},
      {"a tag is not asked for by digest", "org/*:latest", "org/app", nullptr, false},
      {"any tag, but a tag", "org/*:*", "org/app", nullptr, false},
      {"tags that begin so", "*:v1.*", "app", "v1.2", true},
      {"tags that end so", "*:*-rc", "app", "v1-rc", true},
      {"capitals in a tag", "*:V*", "app", "V1", true},
      {"everything", "*", "org/app", nullptr, true},
  };
  for (const auto& row : rows) {
    const auto pattern = ReferencePattern::parse(row.pattern);
    ASSERT_TRUE(pattern.has_value()) << row.name;
    EXPECT_EQ(pattern->to_string(), row.pattern) << row.name;
    const auto tag = row.tag != nullptr ? std::optional(*Tag::parse(row.tag)) : std::nullopt;
    EXPECT_EQ(pattern->matches(*Repository::parse(row.repository), tag ? &*tag : nullptr), row.want) << row.name;
  }
}

TEST(ReferencePattern, refuses_what_no_name_can_be) {
  for (const std::string& text :
       {std::string(), std::string(":latest"), std::string("org/*:"), std::string("Org/*"), std::string("a b"),
        std::string("app:v1:v2"), std::string("app:a/b"), std::string("app@sha256:abc"), std::string("a?"),
        std::string(256, 'a'), "a:" + std::string(129, 'a'), std::string("a\0", 2)}) {
    const auto pattern = ReferencePattern::parse(text);
    EXPECT_FALSE(pattern.has_value()) << text;
  }
  EXPECT_EQ(ReferencePattern::parse("Org/*").error().message(),
            "cannot parse pattern 'Org/*': malformed (want a repository, or a repository and a tag, with any number of "
            "'*', for example 'org/*' or 'org/*:latest')");
}

}  // namespace
}  // namespace lifeboat::oci
