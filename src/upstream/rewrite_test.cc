#include "upstream/rewrite.h"

#include <gtest/gtest.h>

namespace lifeboat::upstream {
namespace {

TEST(Rewrite, names_repositories_as_the_endpoint_does) {
  const struct {
    std::string from, to, repository;
    std::optional<std::string> want;
  } rows[] = {
      {"", "", "org/app", "org/app"},
      {"*", "", "org/app", "org/app"},
      {"*", "mirror/*", "org/app", "mirror/org/app"},
      {"org/*", "mirror/org/*", "org/app", "mirror/org/app"},
      {"org/*", "*", "org/deep/app", "deep/app"},
      {"org/*", "", "org/app", "org/app"},
      {"org/*", "mirror/*", "other/app", std::nullopt},
      {"org/*", "mirror/*", "organ/app", std::nullopt},
      {"org-*", "*", "org-a/app", "a/app"},
      {"org/app", "backup/app", "org/app", "backup/app"},
      {"org/app", "backup/app", "org/app2", std::nullopt},
      {"org/app", "", "org/app", "org/app"},
      {"", "mirror/*", "org/app", "mirror/org/app"},
  };
  for (const auto& row : rows) {
    const auto rewrite = Rewrite::parse(row.from, row.to);
    ASSERT_TRUE(rewrite) << row.from << " -> " << row.to << ": " << rewrite.error().message();
    EXPECT_EQ(rewrite->apply(row.repository), row.want) << row.from << " -> " << row.to << " of " << row.repository;
  }
}

TEST(Rewrite, refuses_what_cannot_be_meant) {
  const std::pair<std::string, std::string> rows[] = {
      {"*/app", ""},           {"org/*/app", ""}, {"**", ""},     {"org/*", "mirror"},
      {"org/app", "mirror/*"}, {"*", "*/x"},      {"", "mirror"},
  };
  for (const auto& [from, to] : rows) {
    const auto rewrite = Rewrite::parse(from, to);
    ASSERT_FALSE(rewrite) << from << " -> " << to;
    EXPECT_EQ(rewrite.error().code(), ErrorCode::invalid);
  }
}

}  // namespace
}  // namespace lifeboat::upstream
