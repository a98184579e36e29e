#include "server/watermark.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace lifeboat::server {
namespace {

TEST(Watermark, is_a_size_or_a_percentage) {
  EXPECT_EQ(Watermark::parse("50GiB")->bytes, 50 * kGiB);
  EXPECT_EQ(Watermark::parse("85%")->percent, 85U);
  for (const char* text : {"", "0B", "0%", "100%", "-1%", "8.5%", "%", "85 %", "50", "50GB", "lots"}) {
    const auto mark = Watermark::parse(text);
    ASSERT_FALSE(mark) << text;
    EXPECT_NE(mark.error().message().find("got '" + std::string(text) + "'"), std::string::npos) << text;
  }
}

TEST(Watermark, is_so_many_bytes) {
  EXPECT_EQ(Watermark::parse("1KiB")->in_bytes(5), 1024U);
  EXPECT_EQ(Watermark::parse("25%")->in_bytes(4000), 1000U);
  EXPECT_EQ(Watermark::parse("99%")->in_bytes(UINT64_MAX), UINT64_MAX / 100 * 99) << "nothing overflows";
}

TEST(Watermark, has_the_lower_one_below_the_upper_one) {
  struct Row {
    const char* above;
    const char* below;
    bool is_fine;
  };
  for (const Row& row :
       {Row{"10GiB", "9GiB", true}, Row{"10GiB", "10GiB", false}, Row{"1GiB", "9GiB", false}, Row{"90%", "80%", true},
        Row{"80%", "80%", false}, Row{"80%", "1GiB", false}, Row{"1GiB", "80%", false}}) {
    const Status checked = check_marks(*Watermark::parse(row.above), *Watermark::parse(row.below));
    EXPECT_EQ(checked.has_value(), row.is_fine) << row.above << " and " << row.below;
  }
}

}  // namespace
}  // namespace lifeboat::server
