#include "server/units.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace lifeboat::server {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Duration, parses_what_has_a_unit) {
  struct Row {
    const char* text;
    Duration duration;
    const char* rendered;
  };
  const Row rows[] = {
      {"0s", seconds(0), "0s"},
      {"0ms", seconds(0), "0s"},
      {"1500ms", milliseconds(1500), "1500ms"},
      {"30s", seconds(30), "30s"},
      {"90s", seconds(90), "90s"},
      {"120s", seconds(120), "2m"},
      {"10m", minutes(10), "10m"},
      {"1h30m", minutes(90), "90m"},
      {"24h", hours(24), "1d"},
      {"7d", hours(168), "7d"},
      {"1d1h1m1s1ms", Duration(90061001), "90061001ms"},
      {"36525d", hours(24 * 36525), "36525d"},
  };
  for (const Row& row : rows) {
    const auto parsed = parse_duration(row.text);
    ASSERT_TRUE(parsed.has_value()) << row.text;
    EXPECT_EQ(*parsed, row.duration) << row.text;
    EXPECT_EQ(render_duration(*parsed), row.rendered) << row.text;
    EXPECT_EQ(parse_duration(row.rendered), parsed) << row.text;
  }
}

TEST(Duration, refuses_everything_else) {
  for (const char* text : {"", "s", "30", "0", "-1s", "+1s", " 1s", "1s ", "1 s", "1.5s", "1S", "1min", "1s1h", "1s1s",
                           "1m30", "unlimited", "36525d1ms", "99999999999999999999s", "18446744073709551615d"}) {
    EXPECT_FALSE(parse_duration(text).has_value()) << text;
  }
}

TEST(Size, parses_what_has_a_unit) {
  struct Row {
    const char* text;
    uint64_t size_bytes;
    const char* rendered;
  };
  const Row rows[] = {
      {"0B", 0, "0B"},
      {"512B", 512, "512B"},
      {"1024B", kKiB, "1KiB"},
      {"4MiB", 4 * kMiB, "4MiB"},
      {"1536KiB", 1536 * kKiB, "1536KiB"},
      {"2GiB", 2 * kGiB, "2GiB"},
      {"1TiB", 1024 * kGiB, "1TiB"},
  };
  for (const Row& row : rows) {
    const auto parsed = parse_size(row.text);
    ASSERT_TRUE(parsed.has_value()) << row.text;
    EXPECT_EQ(*parsed, row.size_bytes) << row.text;
    EXPECT_EQ(render_size(*parsed), row.rendered) << row.text;
  }
}

TEST(Size, refuses_everything_else) {
  for (const char* text :
       {"", "4", "4MB", "4M", "4mib", "4 MiB", "4MiB1KiB", "-4MiB", "0.5MiB", "MiB", "16777216TiB"}) {
    EXPECT_FALSE(parse_size(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace lifeboat::server
