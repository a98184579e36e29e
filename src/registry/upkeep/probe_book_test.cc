#include "registry/upkeep/probe_book.h"

#include <gtest/gtest.h>

namespace lifeboat::registry {
namespace {

using Change = FaultBook::Change;
using Texts = std::vector<std::string>;

TEST(FaultBook, tells_of_a_change_and_not_of_the_same_again) {
  FaultBook book;
  EXPECT_EQ(book.note("a:1", ""), Change::none);
  EXPECT_EQ(book.note("a:1", "missing"), Change::appeared);
  EXPECT_EQ(book.note("a:1", "missing"), Change::none);
  EXPECT_EQ(book.note("a:1", "wrong_digest"), Change::changed);
  EXPECT_EQ(book.size(), 1U);
  EXPECT_EQ(book.note("a:1", ""), Change::cleared);
  EXPECT_EQ(book.size(), 0U);
}

TEST(FaultBook, forgets_names_that_are_gone_and_keeps_what_could_not_be_asked) {
  FaultBook book;
  for (const char* name : {"a:1", "a:2", "a:3"}) (void)book.note(name, "missing");
  EXPECT_EQ(book.end_tour(), Texts{}) << "all were seen";
  (void)book.note("a:1", "missing");
  book.keep("a:2");
  EXPECT_EQ(book.end_tour(), Texts{"a:3"});
  (void)book.note("b:1", "missing");
  book.keep_all_of("a");
  EXPECT_EQ(book.end_tour(), Texts{});
  book.keep_all_of("a");
  EXPECT_EQ(book.end_tour(), Texts{"b:1"});
  EXPECT_EQ(book.first(5), (Texts{"a:1: missing", "a:2: missing"}));
  EXPECT_EQ(book.first(1), Texts{"a:1: missing"});
}

TEST(ProbeBook, is_the_same_after_a_restart) {
  ProbeBook book;
  book.done = "team/app";
  book.under_way = {.repositories = 1, .tags = 2, .indexes = 3, .unknown = 4};
  book.last = {.repositories = 5, .tags = 6, .indexes = 7, .unknown = 8};
  book.is_accessible = false;
  (void)book.broken.note("a:1", "missing, layer\n2\tof 7");
  (void)book.broken.end_tour();
  (void)book.broken.note("a:2", std::string(1000, 'x') + "\n");
  (void)book.diverging.note("b:1", "here x");
  ProbeBook read = ProbeBook::decode(book.encode());
  EXPECT_EQ(read.done, "team/app");
  EXPECT_EQ(read.under_way, book.under_way);
  EXPECT_EQ(read.last, book.last);
  EXPECT_FALSE(read.is_accessible);
  EXPECT_EQ(read.broken.first(9), book.broken.first(9));
  EXPECT_EQ(read.broken.first(1), Texts{"a:1: missing, layer 2 of 7"});
  EXPECT_EQ(read.diverging.first(9), Texts{"b:1: here x"});
  EXPECT_EQ(read.broken.end_tour(), Texts{"a:1"}) << "the tour under way has come by the other";
  EXPECT_EQ(read.broken.note("a:2", std::string(1000, 'x') + "\n"), Change::none) << "told of before the restart";
}

TEST(ProbeBook, begins_anew_with_what_it_does_not_understand) {
  for (const char* text : {"", "\n\n", "done", "broken\t1\ta", "last\tx\ty", "something else entirely"}) {
    const ProbeBook book = ProbeBook::decode(text);
    EXPECT_EQ(book.done, "") << text;
    EXPECT_EQ(book.broken.size(), 0U) << text;
    EXPECT_EQ(book.last, ProbeCounts{}) << text;
  }
}

}  // namespace
}  // namespace lifeboat::registry
