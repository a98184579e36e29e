#include "upstream/challenge.h"

#include <gtest/gtest.h>

namespace lifeboat::upstream {
namespace {

using Challenges = std::vector<Challenge>;

TEST(Challenge, is_read_as_registries_and_attackers_write_it) {
  struct Row {
    const char* name;
    std::string field;
    Challenges want;
  };
  const std::vector<Row> rows{
      {"docker.io",
       R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull")",
       {{"bearer",
         {{"realm", "https://auth.docker.io/token"},
          {"service", "registry.docker.io"},
          {"scope", "repository:a/b:pull"}}}}},
      {"commas inside quotes",
       R"(Bearer scope="repository:a:pull,push",realm="r")",
       {{"bearer", {{"scope", "repository:a:pull,push"}, {"realm", "r"}}}}},
      {"basic", R"(Basic realm="Registry Realm")", {{"basic", {{"realm", "Registry Realm"}}}}},
      {"two challenges",
       R"(Basic realm="a", Bearer realm="b", service="c")",
       {{"basic", {{"realm", "a"}}}, {"bearer", {{"realm", "b"}, {"service", "c"}}}}},
      {"escapes", R"(Bearer realm="a\"b\\c")", {{"bearer", {{"realm", R"(a"b\c)"}}}}},
      {"spaces around", "Bearer  realm = \"a\" ,  service=b", {{"bearer", {{"realm", "a"}, {"service", "b"}}}}},
      {"case", "BEARER Realm=a", {{"bearer", {{"realm", "a"}}}}},
      {"unquoted realm",
       "Bearer realm=https://a.example/token,service=s",
       {{"bearer", {{"realm", "https://a.example/token"}, {"service", "s"}}}}},
      {"token68 before", R"(Negotiate YIIabc==, Bearer realm="a")", {{"negotiate", {}}, {"bearer", {{"realm", "a"}}}}},
      {"scheme alone", "Negotiate", {{"negotiate", {}}}},
      {"empty elements", R"(, ,Bearer realm="a",, ,service="b",)", {{"bearer", {{"realm", "a"}, {"service", "b"}}}}},
      {"the first of a name counts", R"(Bearer realm="a",realm="evil")", {{"bearer", {{"realm", "a"}}}}},
      {"empty", "", {}},
      {"not closed", R"(Bearer realm="a)", {}},
      {"control letter", "Bearer realm=\"a\nb\"", {}},
      {"rubbish behind", R"(Basic realm="a", Bearer realm="b" x)", {{"basic", {{"realm", "a"}}}}},
      {"no scheme", R"("realm"="a")", {}},
  };
  for (const Row& row : rows) EXPECT_EQ(parse_challenges(row.field), row.want) << row.name;
}

TEST(Challenge, is_bounded) {
  std::string many;
  for (int i = 0; i < 100; ++i) many += "Basic realm=a, ";
  EXPECT_EQ(parse_challenges(many).size(), 8U);
  std::string wide = "Bearer a=b";
  for (int i = 0; i < 100; ++i) wide += ",p" + std::to_string(i) + "=v";
  EXPECT_EQ(parse_challenges(wide).at(0).parameters.size(), 16U);
  EXPECT_TRUE(parse_challenges("Bearer realm=\"" + std::string(100000, 'a') + "\"").empty());
}

}  // namespace
}  // namespace lifeboat::upstream
