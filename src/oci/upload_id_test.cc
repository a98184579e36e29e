#include "oci/upload_id.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace lifeboat::oci {
namespace {

TEST(UploadId, renders_what_it_parsed) {
  for (const std::string_view text : {"00000000-0000-4000-8000-000000000000", "123e4567-e89b-42d3-a456-426614174000"}) {
    const auto id = UploadId::parse(text);
    ASSERT_TRUE(id.has_value()) << text;
    EXPECT_EQ(id->to_string(), text);
  }
}

TEST(UploadId, made_of_random_bytes_is_a_uuid_of_version_4) {
  for (const unsigned value : {0x00U, 0x5aU, 0xffU}) {
    std::array<std::byte, 16> random{};
    random.fill(static_cast<std::byte>(value));
    const UploadId id = UploadId::of_random(random);
    EXPECT_EQ(UploadId::parse(id.to_string()), id) << id.to_string();
  }
  std::array<std::byte, 16> ones{};
  ones.fill(std::byte{0xff});
  EXPECT_EQ(UploadId::of_random(ones).to_string(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

TEST(UploadId, refuses_what_is_malformed) {
  const struct {
    std::string name, text;
  } rows[] = {
      {"empty", ""},
      {"upper case", "123E4567-E89B-42D3-A456-426614174000"},
      {"another version", "123e4567-e89b-12d3-a456-426614174000"},
      {"another variant", "123e4567-e89b-42d3-c456-426614174000"},
      {"no dashes", "123e4567e89b42d3a456426614174000"},
      {"dash moved", "123e456-7e89b-42d3-a456-426614174000"},
      {"braces", "{123e4567-e89b-42d3-a456-42661417400}"},
      {"too short", "123e4567-e89b-42d3-a456-42661417400"},
      {"too long", "123e4567-e89b-42d3-a456-4266141740000"},
      {"path", "../../../../../../../../../../etc/pw"},
      {"no hex letter", "123e4567-e89b-42d3-a456-42661417400g"},
  };
  for (const auto& row : rows) {
    const auto id = UploadId::parse(row.text);
    ASSERT_FALSE(id.has_value()) << row.name;
    EXPECT_EQ(id.error().code(), ErrorCode::invalid) << row.name;
  }
}

}  // namespace
}  // namespace lifeboat::oci
