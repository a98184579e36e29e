#include "upstream/paging.h"

#include <gtest/gtest.h>

namespace lifeboat::upstream {
namespace {

using Names = std::vector<std::string>;

TEST(Paging, reads_a_list_of_tags) {
  EXPECT_EQ(parse_tag_list(R"({"name":"a","tags":["b","1.0","not a tag",7,"c"]})").value(), (Names{"b", "1.0", "c"}));
  EXPECT_EQ(parse_tag_list(R"({"name":"a","tags":null})").value(), Names{});
  EXPECT_EQ(parse_tag_list(R"({"name":"a"})").value(), Names{});
  for (const char* bad : {"", "[]", "<html>", R"({"tags":{}})", R"({"tags":["a")"}) {
    EXPECT_EQ(parse_tag_list(bad).error().code(), ErrorCode::corrupt) << bad;
  }
}

TEST(Paging, cuts_a_page_to_what_was_asked) {
  struct Row {
    const char* name;
    Names came;
    const char* last;
    bool is_next_named;
    Names want;
    bool has_more;
  };
  const std::vector<Row> rows{
      {"whole", {"a", "b"}, "", false, {"a", "b"}, false},
      {"more is named", {"a", "b"}, "", true, {"a", "b"}, true},
      {"limit was ignored", {"a", "b", "c"}, "", false, {"a", "b"}, true},
      {"last was ignored", {"a", "b", "c", "d"}, "b", false, {"c", "d"}, false},
      {"both were ignored", {"a", "b", "c", "d"}, "a", false, {"b", "c"}, true},
      {"the end of an ignored last", {"a", "b"}, "b", true, {}, false},
      {"nothing, and a link in a circle", {}, "b", true, {}, false},
  };
  for (const Row& row : rows) {
    const auto page = page_of(row.came, row.last, 2, row.is_next_named);
    EXPECT_EQ(page.tags, row.want) << row.name;
    EXPECT_EQ(page.has_more, row.has_more) << row.name;
  }
}

TEST(Paging, believes_only_the_query_of_a_link) {
  EXPECT_EQ(next_query(R"(</v2/a/tags/list?last=b&n=2>; rel="next")"), "last=b&n=2");
  EXPECT_EQ(next_query(R"(<https://evil.example/x?n=2#f>; rel=next)"), "n=2");
  EXPECT_EQ(next_query(R"(</a?p=1>; rel="prev", </a?p=3>; rel="next")"), "p=3");
  for (const char* bad : {"", "<", "</a?b", R"(</a>; rel="next")", R"(</a?>; rel="next")", R"(</a?b=1>; rel="last")",
                          "</a?b=1 2>; rel=next"}) {
    EXPECT_EQ(next_query(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace lifeboat::upstream
