#include "cli/human.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace lifeboat::cli {
namespace {

TEST(Human, sizes_have_one_place_behind_the_point) {
  const struct {
    uint64_t bytes;
    const char* want;
  } rows[] = {
      {0, "0 bytes"},
      {1, "1 byte"},
      {1023, "1023 bytes"},
      {1024, "1.0 KiB"},
      {1536, "1.5 KiB"},
      {1024 * 1024 - 1, "1.0 MiB"},
      {1024 * 1024 - 52, "1023.9 KiB"},
      {87'295'690'342, "81.3 GiB"},
      {UINT64_MAX, "16.0 EiB"},
  };
  for (const auto& row : rows) EXPECT_EQ(human_size(row.bytes), row.want) << row.bytes;
}

TEST(Human, durations_have_two_units_at_most) {
  const struct {
    int64_t seconds;
    const char* want;
  } rows[] = {
      {0, "0s"},       {59, "59s"},        {60, "1m 0s"},    {303, "5m 3s"},    {3599, "59m 59s"},     {3600, "1h 0m"},
      {7500, "2h 5m"}, {86399, "23h 59m"}, {86400, "1d 0h"}, {273600, "3d 4h"}, {34560000, "400d 0h"}, {-5, "0s"},
  };
  for (const auto& row : rows) EXPECT_EQ(human_duration(std::chrono::seconds(row.seconds)), row.want) << row.seconds;
}

TEST(Human, counts_know_the_plural) {
  EXPECT_EQ(human_count(0, "blob"), "0 blobs");
  EXPECT_EQ(human_count(1, "blob"), "1 blob");
  EXPECT_EQ(human_count(1, "repository"), "1 repository");
  EXPECT_EQ(human_count(12, "repository"), "12 repositories");
}

TEST(Human, rows_are_broken_at_spaces) {
  EXPECT_EQ(wrapped_row("a", "b c", 4), "a   b c\n");
  EXPECT_EQ(wrapped_row("", "", 2), "  \n");
  const std::string word(40, 'x');
  EXPECT_EQ(wrapped_row("a", word + " " + word + " y", 2), "a " + word + "\n  " + word + " y\n");
  const std::string digest(100, 'd');
  EXPECT_EQ(wrapped_row("a", digest, 2), "a " + digest + "\n") << "a word is never broken";
}

}  // namespace
}  // namespace lifeboat::cli
