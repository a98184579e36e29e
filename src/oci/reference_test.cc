#include "oci/reference.h"

#include <gtest/gtest.h>

#include <string>

namespace lifeboat::oci {
namespace {

TEST(Tag, renders_what_it_parsed) {
  for (const std::string& text :
       {std::string("latest"), std::string("v1.2.3-rc.1_build"), std::string("_"), std::string("0"),
        std::string("A.-_"), std::string("sha256-e3b0c442.sig"), std::string(128, 'x')}) {
    const auto tag = Tag::parse(text);
    ASSERT_TRUE(tag.has_value()) << text;
    EXPECT_EQ(tag->to_string(), text);
  }
}

TEST(Tag, refuses_what_is_malformed) {
  const struct {
    std::string name, text;
  } rows[] = {
      {"empty", ""},
      {"leading dot", ".a"},
      {"leading dash", "-a"},
      {"parent directory", ".."},
      {"slash", "a/b"},
      {"colon", "a:b"},
      {"plus", "1.0+build"},
      {"space", "a b"},
      {"newline", "a\n"},
      {"zero byte", std::string("a\0", 2)},
      {"not ASCII", "\xc3\xa9"},
      {"too long", std::string(129, 'a')},
  };
  for (const auto& row : rows) {
    const auto tag = Tag::parse(row.text);
    ASSERT_FALSE(tag.has_value()) << row.name;
    EXPECT_EQ(tag.error().code(), ErrorCode::invalid) << row.name;
  }
}

TEST(Reference, is_a_tag_or_a_digest) {
  const std::string digest = Digest::of(HashAlgorithm::sha256, {}).to_string();
  const auto by_tag = Reference::parse("latest");
  const auto by_digest = Reference::parse(digest);
  ASSERT_TRUE(by_tag.has_value());
  ASSERT_TRUE(by_digest.has_value());
  ASSERT_NE(by_tag->tag(), nullptr);
  EXPECT_EQ(by_tag->digest(), nullptr);
  EXPECT_EQ(by_tag->to_string(), "latest");
  ASSERT_NE(by_digest->digest(), nullptr);
  EXPECT_EQ(by_digest->tag(), nullptr);
  EXPECT_EQ(by_digest->to_string(), digest);
  EXPECT_NE(*by_tag, *by_digest);
}

TEST(Reference, with_a_colon_can_only_be_a_digest) {
  EXPECT_FALSE(Reference::parse("sha256:abc").has_value());
  EXPECT_FALSE(Reference::parse("a:b").has_value());
  EXPECT_FALSE(Reference::parse(":").has_value());
  EXPECT_FALSE(Reference::parse("").has_value());
  EXPECT_EQ(Reference::parse("sha256:abc").error().message().find("cannot parse digest"), 0U);
}

}  // namespace
}  // namespace lifeboat::oci
