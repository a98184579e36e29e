#include "server/toml_text.h"

#include <gtest/gtest.h>

namespace lifeboat::server {
namespace {

TEST(TomlText, finds_letters_beyond_ascii_where_none_may_be) {
  struct Row {
    const char* name;
    std::string_view text;
    std::optional<unsigned> line;
  };
  const Row rows[] = {
      {"nothing", "", std::nullopt},
      {"a byte order mark", "\xEF\xBB\xBF[server]\n", std::nullopt},
      {"a later byte order mark", "\n\xEF\xBB\xBF[server]\n", 2},
      {"a key",
       "a = 1\ngr\xC3\xB6\xC3\x9F"
       "e = 1\n",
       2},
      {"a value", "a = \xC3\xA9\n", 1},
      {"after a string", "a = \"b\" \xC3\xA9\n", 1},
      {"a comment", "# \xC3\xA9\na = 1 # \xC3\xA9\n", std::nullopt},
      {"strings", "a = \"\xC3\xA9\\\"\xC3\xA9\"\nb = '\xC3\xA9\\'\nc = \"\"\n", std::nullopt},
      {"long strings", "a = \"\"\"\n\xC3\xA9\n\"\xC3\xA9\"\"\"\"\"\nb = '''\n\xC3\xA9'\\'''\n", std::nullopt},
      {"after long strings", "a = \"\"\"\n\n\"\"\"\"\xC3\xA9", 3},
      {"a backslash in front", "a = \"\\\xC3\xA9\"\n", 1},
      {"a backslash and lines in front", "a = \"\"\"b\\\n  \n \xC3\xA9\"\"\"\n", 3},
      {"a backslash that is escaped", "a = \"\\\\\xC3\xA9\"\n", std::nullopt},
      {"a quote inside of a value", "044=11\"\xCA\xB4iBMJ", 1},
      {"a quote behind a string", "a = \"b\"\"\xC3\xA9\"\n", 1},
      {"strings in lists and tables",
       "a=[\"\xC3\xA9\",'\xC3\xA9']\nb={\"\xC3\xA9\"=\"\xC3\xA9\"}\n\"\xC3\xA9\".'\xC3\xA9'=1\n", std::nullopt},
      {"a string without its end", "a = \"b\n\xC3\xA9\n", 2},
      {"a backslash at the end", "a = \"\\", std::nullopt},
  };
  for (const Row& row : rows) EXPECT_EQ(find_misplaced_letter(row.text), row.line) << row.name;
}

}  // namespace
}  // namespace lifeboat::server
