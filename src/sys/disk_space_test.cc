#include "sys/disk_space.h"

#include <gtest/gtest.h>

namespace lifeboat::sys {
namespace {

TEST(DiskSpace, is_that_of_the_file_system) {
  const auto space = disk_space(testing::TempDir());
  ASSERT_TRUE(space) << space.error().message();
  const auto info = std::filesystem::space(testing::TempDir());
  EXPECT_GT(space->used_bytes, 0U);
  EXPECT_LE(space->used_bytes + space->free_bytes, info.capacity);
}

TEST(DiskSpace, says_of_which_path_it_does_not_know) {
  const auto space = disk_space("/nowhere/at/all");
  ASSERT_FALSE(space);
  EXPECT_NE(space.error().message().find("'/nowhere/at/all'"), std::string::npos) << space.error().message();
}

}  // namespace
}  // namespace lifeboat::sys
