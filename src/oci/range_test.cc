#include "oci/range.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace lifeboat::oci {
namespace {

using Kind = RangeRequest::Kind;

TEST(RangeRequest, is_decided_by_field_and_size) {
  const struct {
    std::string name, field;
    uint64_t size_bytes;
    Kind kind;
    ByteRange range;
  } rows[] = {
      {"no field", "", 100, Kind::whole, {}},
      {"from start to end", "bytes=0-99", 100, Kind::part, {0, 100}},
      {"in the middle", "bytes=10-19", 100, Kind::part, {10, 10}},
      {"one byte", "bytes=7-7", 100, Kind::part, {7, 1}},
      {"open from the start", "bytes=0-", 100, Kind::part, {0, 100}},
      {"open", "bytes=90-", 100, Kind::part, {90, 10}},
      {"suffix", "bytes=-10", 100, Kind::part, {90, 10}},
      {"suffix longer than the content", "bytes=-1000", 100, Kind::part, {0, 100}},
      {"end is clamped", "bytes=90-1000", 100, Kind::part, {90, 10}},
      {"huge end is clamped", "bytes=90-99999999999999999999999", 100, Kind::part, {90, 10}},
      {"huge suffix is clamped", "bytes=-99999999999999999999999", 100, Kind::part, {0, 100}},
      {"start at the end", "bytes=100-", 100, Kind::unsatisfiable, {}},
      {"start behind the end", "bytes=200-300", 100, Kind::unsatisfiable, {}},
      {"huge start", "bytes=99999999999999999999999-", 100, Kind::unsatisfiable, {}},
      {"backwards", "bytes=500-0", 1000, Kind::unsatisfiable, {}},
      {"suffix of nothing", "bytes=-0", 100, Kind::unsatisfiable, {}},
      {"several ranges", "bytes=0-1,5-6", 100, Kind::whole, {}},
      {"one range and empty elements", "bytes=, 0-1 ,", 100, Kind::part, {0, 2}},
      {"only empty elements", "bytes=,,", 100, Kind::whole, {}},
      {"another unit", "lines=0-1", 100, Kind::whole, {}},
      {"unit in upper case", "Bytes=0-1", 100, Kind::part, {0, 2}},
      {"only a unit", "bytes=", 100, Kind::whole, {}},
      {"only a dash", "bytes=-", 100, Kind::whole, {}},
      {"no dash", "bytes=5", 100, Kind::whole, {}},
      {"two dashes", "bytes=--5", 100, Kind::whole, {}},
      {"three numbers", "bytes=1-2-3", 100, Kind::whole, {}},
      {"sign", "bytes=+1-2", 100, Kind::whole, {}},
      {"hexadecimal", "bytes=0x1-2", 100, Kind::whole, {}},
      {"space inside", "bytes=0 - 1", 100, Kind::whole, {}},
      {"space around", " bytes= 0-1 ", 100, Kind::part, {0, 2}},
      {"empty content, open", "bytes=0-", 0, Kind::whole, {}},
      {"empty content, suffix", "bytes=-5", 0, Kind::whole, {}},
      {"empty content, later start", "bytes=1-", 0, Kind::unsatisfiable, {}},
  };
  for (const auto& row : rows) {
    const RangeRequest request = RangeRequest::parse(row.field, row.size_bytes);
    EXPECT_EQ(request.kind, row.kind) << row.name;
    EXPECT_EQ(request.range, row.range) << row.name;
  }
}

TEST(ContentRange, is_rendered_as_it_is_parsed) {
  EXPECT_EQ(render_content_range({.first = 0, .length = 10}, 100), "bytes 0-9/100");
  EXPECT_EQ(render_unsatisfied_range(100), "bytes */100");
  const auto parsed = parse_content_range(render_content_range({.first = 5, .length = 95}, 100));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->range, (ByteRange{.first = 5, .length = 95}));
  EXPECT_EQ(parsed->size_bytes, 100U);
}

TEST(ContentRange, may_leave_the_size_open) {
  const auto parsed = parse_content_range("bytes 0-9/*");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->range.length, 10U);
  EXPECT_FALSE(parsed->size_bytes.has_value());
}

TEST(ContentRange, refuses_what_is_malformed) {
  const struct {
    std::string name, field;
  } rows[] = {
      {"empty", ""},
      {"no unit", "0-9/100"},
      {"another unit", "lines 0-9/100"},
      {"equals sign", "bytes=0-9/100"},
      {"no size", "bytes 0-9"},
      {"empty size", "bytes 0-9/"},
      {"unsatisfied", "bytes */100"},
      {"backwards", "bytes 9-0/100"},
      {"end at the size", "bytes 0-100/100"},
      {"open", "bytes 0-/100"},
      {"two slashes", "bytes 0-9/100/100"},
      {"huge end", "bytes 0-18446744073709551615/*"},
      {"huge size", "bytes 0-9/18446744073709551616"},
      {"negative", "bytes -1-9/100"},
  };
  for (const auto& row : rows) {
    const auto parsed = parse_content_range(row.field);
    ASSERT_FALSE(parsed.has_value()) << row.name;
    EXPECT_EQ(parsed.error().code(), ErrorCode::invalid) << row.name;
  }
}

TEST(UploadRange, is_taken_in_the_forms_clients_send) {
  const struct {
    std::string name, field;
    ByteRange want;
  } rows[] = {
      {"as the specification has it", "0-99", {0, 100}},
      {"later chunk", "100-199", {100, 100}},
      {"one byte", "0-0", {0, 1}},
      {"with unit", "bytes 0-99", {0, 100}},
      {"with unit and open size", "bytes 0-99/*", {0, 100}},
      {"with unit and size", "bytes 0-99/1000", {0, 100}},
      {"with size", "0-99/100", {0, 100}},
      {"space around", " 0-99 ", {0, 100}},
      {"largest", "0-9223372036854775807", {0, uint64_t{1} << 63U}},
  };
  for (const auto& row : rows) {
    const auto range = parse_upload_range(row.field);
    ASSERT_TRUE(range.has_value()) << row.name;
    EXPECT_EQ(*range, row.want) << row.name;
  }
}

TEST(UploadRange, refuses_what_is_malformed) {
  for (const std::string_view field :
       {"", "-", "0", "0-", "-5", "5-4", "a-b", "bytes", "bytes ", "bytes */100", "0-99/50", "0-9223372036854775808",
        "18446744073709551615-18446744073709551616", "0-9,10-19", "0-9 10-19", "+0-9", "0--9"}) {
    const auto range = parse_upload_range(field);
    ASSERT_FALSE(range.has_value()) << field;
    EXPECT_EQ(range.error().code(), ErrorCode::invalid) << field;
  }
}

TEST(UploadRange, renders_the_last_byte_received) {
  EXPECT_EQ(render_upload_range(0), "0-0");
  EXPECT_EQ(render_upload_range(1), "0-0");
  EXPECT_EQ(render_upload_range(100), "0-99");
  EXPECT_EQ(parse_upload_range(render_upload_range(4096)), (ByteRange{.first = 0, .length = 4096}));
}

}  // namespace
}  // namespace lifeboat::oci
