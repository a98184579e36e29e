#include "server/setting_value.h"

#include <gtest/gtest.h>

#include "server/config_file.h"

namespace lifeboat::server {
namespace {

using List = std::vector<std::string>;

constexpr Setting kNames{.section = "shop",
                         .key = "names",
                         .kind = SettingKind::list,
                         .meaning = "A list.",
                         .takes_effect = TakesEffect::on_reload,
                         .field = Field{}};

constexpr std::string_view kWanted = R"(want a list of texts without commas, for example ["one", "two"] or ["one"]))";

/// The value as a file has it; `literal` is TOML.
GivenValue in_file(const std::string& literal) {
  Problems problems;
  const auto found = parse_config_file("a.toml", "[shop]\nnames = " + literal + "\n", problems);
  if (!problems.empty() || found.size() != 2) {
    ADD_FAILURE() << literal << (problems.empty() ? "" : problems.to_error().message());
    return {};
  }
  return found[1].value;
}

GivenValue in_environment(const std::string& text) { return {.kind = GivenValue::Kind::untyped, .text = text}; }

TEST(ListSetting, is_an_array_in_a_file_and_has_commas_in_the_environment) {
  struct Row {
    const char* name;
    GivenValue given;
    List wanted;
  };
  const Row rows[] = {
      {"an array", in_file(R"(["a.example/b:1", "c"])"), {"a.example/b:1", "c"}},
      {"over several lines", in_file("[\n  \"a\",\n  \"b\",\n]"), {"a", "b"}},
      {"one", in_file(R"(["a"])"), {"a"}},
      {"none", in_file("[]"), {}},
      {"a blank within", in_file(R"(["a b"])"), {"a b"}},
      {"variable", in_environment("a.example/b:1,c"), {"a.example/b:1", "c"}},
      {"variable with blanks", in_environment(" a , b c "), {"a", "b c"}},
      {"variable with one", in_environment("a"), {"a"}},
      {"empty variable", in_environment(""), {}},
      {"blank variable", in_environment("  "), {}},
  };
  for (const Row& row : rows) {
    List list{"old"};
    const auto done = assign(kNames, Slot(&list), row.given);
    EXPECT_TRUE(done.has_value()) << row.name << ": " << done.error().message();
    EXPECT_EQ(list, row.wanted) << row.name;
  }
}

TEST(ListSetting, says_what_does_not_fit_and_keeps_what_was) {
  struct Row {
    const char* name;
    GivenValue given;
    const char* error;
  };
  const Row rows[] = {
      {"a text", in_file(R"("a")"), "it is of the wrong type (got 'a', "},
      {"a number", in_file("5"), "it is of the wrong type (got 5, "},
      {"a number in it", in_file(R"(["a", 5])"), "it is of the wrong type (got a list with a number in it, "},
      {"a list in it", in_file(R"([["a"]])"), "it is of the wrong type (got a list with a list in it, "},
      {"an empty entry", in_file(R"(["a", ""])"), "entry 2 is empty (got [\"a\", \"\"], "},
      {"a comma", in_file(R"(["a,b"])"), "entry 1 has a comma (got [\"a,b\"], "},
      {"a control character", in_file(R"(["a", "b\n"])"),
       "entry 2 has control characters (got [\"a\", \"b\\u000a\"], "},
      {"variable with an empty entry", in_environment("a,,b"), "entry 2 is empty (got 'a,,b', "},
      {"variable that ends with a comma", in_environment("a,"), "entry 2 is empty (got 'a,', "},
  };
  for (const Row& row : rows) {
    List list{"old"};
    const auto done = assign(kNames, Slot(&list), row.given);
    ASSERT_FALSE(done.has_value()) << row.name;
    EXPECT_EQ(done.error().message(), std::string("cannot set 'shop.names': ").append(row.error).append(kWanted))
        << row.name;
    EXPECT_EQ(list, List{"old"}) << row.name;
  }
}

TEST(ListSetting, must_not_be_empty_where_it_is_required) {
  Setting required = kNames;
  required.is_required = true;
  List list;
  EXPECT_FALSE(assign(required, Slot(&list), in_file("[]")).has_value());
  EXPECT_FALSE(assign(required, Slot(&list), in_environment("")).has_value());
  EXPECT_TRUE(assign(required, Slot(&list), in_file(R"(["a"])")).has_value());
}

TEST(ListSetting, renders_as_what_assigns_it_again) {
  for (const List& wanted : {List{}, List{"a"}, List{R"(with "quotes" and \)", "b c"}}) {
    List list = wanted;
    const std::string text = render_text(Slot(&list), SettingKind::list);
    const std::string literal = render_literal(Slot(&list), SettingKind::list);
    for (const GivenValue& given : {in_environment(text), in_file(literal)}) {
      List again;
      EXPECT_TRUE(assign(kNames, Slot(&again), given).has_value()) << text;
      EXPECT_EQ(again, wanted) << text;
    }
  }
  List list{"a", "b"};
  EXPECT_EQ(render_literal(Slot(&list), SettingKind::list), R"(["a", "b"])");
}

TEST(ListSetting, is_no_value_of_another_kind) {
  Setting text = kNames;
  text.kind = SettingKind::text;
  std::string value;
  const auto done = assign(text, Slot(&value), in_file(R"(["a"])"));
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().message(),
            R"(cannot set 'shop.names': it is of the wrong type (got ["a"], want a text in quotes))");
}

}  // namespace
}  // namespace lifeboat::server
