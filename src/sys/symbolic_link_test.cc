#include "sys/symbolic_link.h"

#include <gtest/gtest.h>

#include <fstream>

#include "test/support/code_of.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::sys {
namespace {

TEST(SymbolicLink, leads_elsewhere_from_now_on_and_leaves_nothing_beside_it) {
  const test::TemporaryDirectory directory;
  const Path link = directory.path() / "latest";
  const Path temporary = directory.path() / ".latest";
  ASSERT_TRUE(replace_symbolic_link(link, "one", temporary));
  std::filesystem::create_symlink("left", temporary);  // as a killed process leaves it
  ASSERT_TRUE(replace_symbolic_link(link, "two", temporary));
  EXPECT_EQ(read_symbolic_link(link).value(), "two");
  EXPECT_FALSE(std::filesystem::is_symlink(temporary));
}

TEST(SymbolicLink, never_replaces_a_file) {
  const test::TemporaryDirectory directory;
  const Path file = directory.path() / "latest";
  std::ofstream(file) << "bytes";
  EXPECT_EQ(test::code_of(replace_symbolic_link(file, "one", directory.path() / ".latest")), "conflict");
  EXPECT_TRUE(std::filesystem::is_regular_file(file));
  EXPECT_EQ(test::code_of(read_symbolic_link(file)), "not_found");
}

}  // namespace
}  // namespace lifeboat::sys
