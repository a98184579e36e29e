#include "cli/printable.h"

#include <gtest/gtest.h>

namespace lifeboat::cli {
namespace {

TEST(Printable, shows_as_bytes_what_a_terminal_would_obey) {
  EXPECT_EQ(printable("team/app:1.0 'x' ~"), "team/app:1.0 'x' ~");
  EXPECT_EQ(printable("\x1b[31mred\x7f"), "\\x1b[31mred\\x7f");
  EXPECT_EQ(printable("a\r\nb"), "a\\x0d\\x0ab");
  EXPECT_EQ(printable("\xC2\x9B"
                      "2J"),
            "\\xc2\\x9b2J")
      << "the second row of controls, in UTF-8";
}

TEST(Printable, leaves_lines_where_they_are_meant) {
  EXPECT_EQ(printable_lines("cannot\nStop\x1b the server"), "cannot\nStop\\x1b the server");
}

}  // namespace
}  // namespace lifeboat::cli
