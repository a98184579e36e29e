#include "cli/table.h"

#include <gtest/gtest.h>

namespace lifeboat::cli {
namespace {

TEST(Table, is_as_wide_as_its_longest_texts) {
  EXPECT_EQ(table_of({{"TAG", "WHY"}, {"team/app:v1", "it is pinned"}, {"a:1", ""}}),
            "TAG          WHY\n"
            "team/app:v1  it is pinned\n"
            "a:1          \n");
  EXPECT_EQ(table_of({}), "");
}

TEST(Table, lets_no_control_reach_the_terminal) {
  EXPECT_EQ(without_controls("a\x1b[31mb\nc\x7f"), "a?[31mb?c?");
  EXPECT_EQ(without_controls("gr\xC3\xB6\xC3\x9F\xC2\xB5"), "gr\xC3\xB6\xC3\x9F\xC2\xB5") << "letters stay";
  EXPECT_EQ(without_controls("x\xC2\x9By"), "x?y") << "U+009B begins a sequence as ESC [ does";
}

}  // namespace
}  // namespace lifeboat::cli
