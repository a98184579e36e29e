#include "oci/glob.h"

#include <gtest/gtest.h>

#include <string>

namespace lifeboat::oci {
namespace {

TEST(Glob, stands_for_what_its_stars_allow) {
  const struct {
    const char* name;
    const char* pattern;
    const char* text;
    bool want;
  } rows[] = {
      {"the same", "org/app", "org/app", true},
      {"another", "org/app", "org/apps", false},
      {"shorter", "org/app", "org/ap", false},
      {"nothing", "", "", true},
      {"nothing for something", "", "a", false},
      {"any", "*", "org/app", true},
      {"any, and nothing", "*", "", true},
      {"a beginning", "org/*", "org/app", true},
      {"a beginning, over a slash", "org/*", "org/team/app", true},
      {"a beginning, and nothing", "org/*", "org/", true},
      {"a beginning that is not", "org/*", "organ/app", false},
      {"the beginning without its slash", "org/*", "org", false},
      {"an end", "*/app", "org/team/app", true},
      {"an end that is not", "*/app", "org/apps", false},
      {"a middle", "org/*/app", "org/a/b/app", true},
      {"a middle that is not", "org/*/app", "org/app", false},
      {"a middle that overlaps", "aba*aba", "ababa", false},
      {"several", "*a*b*", "xaxxbx", true},
      {"several in another order", "*a*b*", "xbxxax", false},
      {"an end that comes twice", "*-rc", "1-rc-rc", true},
      {"an end that comes too early", "*-rc", "1-rc-1", false},
      {"two stars", "a**", "a", true},
      {"capitals", "V*", "v1", false},
      {"other letters stand for themselves", "v?", "v1", false},
  };
  for (const auto& row : rows) EXPECT_EQ(matches_glob(row.pattern, row.text), row.want) << row.name;
}

TEST(Glob, ends_for_patterns_that_nearly_fit_everywhere) {
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern.append("*a");
  EXPECT_FALSE(matches_glob(pattern + "b", std::string(255, 'a')));
  EXPECT_TRUE(matches_glob(pattern, std::string(255, 'a')));
}

}  // namespace
}  // namespace lifeboat::oci
