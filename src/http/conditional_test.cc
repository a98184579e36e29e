#include "http/conditional.h"

#include <gtest/gtest.h>

#include <string>

namespace lifeboat::http {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');
const std::string kOther = "sha256:" + std::string(64, 'b');

TEST(Conditional, knows_what_the_client_has) {
  const struct {
    std::string name, field;
    bool want;
  } rows[] = {
      {"absent", "", false},
      {"quoted", "\"" + kDigest + "\"", true},
      {"unquoted", kDigest, true},
      {"weak", "W/\"" + kDigest + "\"", true},
      {"any", "*", true},
      {"another", "\"" + kOther + "\"", false},
      {"list with it last", "\"" + kOther + "\", W/\"x\" ,\"" + kDigest + "\"", true},
      {"list without it", "\"" + kOther + "\",\"x\"", false},
      {"empty elements", ",, ,\"" + kDigest + "\"", true},
      {"only commas", ",,,", false},
      {"half a quote", "\"" + kDigest, false},
      {"lone quote", "\"", false},
      {"a prefix", kDigest.substr(0, 70), false},
  };
  for (const auto& row : rows) EXPECT_EQ(is_known_to_client(row.field, kDigest), row.want) << row.name;
}

TEST(Conditional, lets_a_range_count_when_it_is_of_the_same_content) {
  const struct {
    std::string name, field;
    bool want;
  } rows[] = {
      {"absent", "", true},
      {"same", "\"" + kDigest + "\"", true},
      {"same, unquoted", kDigest, true},
      {"another", "\"" + kOther + "\"", false},
      {"weak never matches", "W/\"" + kDigest + "\"", false},
      {"a date never matches", "Sat, 31 Jan 2026 12:00:00 GMT", false},
  };
  for (const auto& row : rows) EXPECT_EQ(range_applies(row.field, kDigest), row.want) << row.name;
}

TEST(Conditional, reads_the_condition_of_a_push) {
  const auto digest = oci::Digest::parse(kDigest);
  const auto none = push_condition("", "");
  ASSERT_TRUE(none.has_value());
  EXPECT_FALSE(none->has_value());

  const auto absent = push_condition("", "*");
  ASSERT_TRUE(absent.has_value() && absent->has_value());
  EXPECT_FALSE((*absent)->digest.has_value());

  for (const std::string& field : {"\"" + kDigest + "\"", kDigest}) {
    const auto same = push_condition(field, "");
    ASSERT_TRUE(same.has_value() && same->has_value()) << field;
    EXPECT_EQ((*same)->digest, *digest) << field;
  }
}

TEST(Conditional, refuses_conditions_that_cannot_be_kept) {
  const struct {
    std::string name, match, none_match;
  } rows[] = {
      {"any digest", "*", ""},
      {"weak", "W/\"" + kDigest + "\"", ""},
      {"list", "\"" + kDigest + "\", \"" + kOther + "\"", ""},
      {"no digest", "\"abc\"", ""},
      {"not this digest", "", "\"" + kDigest + "\""},
      {"both", "\"" + kDigest + "\"", "*"},
  };
  for (const auto& row : rows) {
    const auto condition = push_condition(row.match, row.none_match);
    ASSERT_FALSE(condition.has_value()) << row.name;
    EXPECT_EQ(condition.error().code(), ErrorCode::conflict) << row.name;
  }
}

}  // namespace
}  // namespace lifeboat::http
