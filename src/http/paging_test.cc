#include "http/paging.h"

#include <gtest/gtest.h>

#include <string>

#include "http/v2_referrers.h"

namespace lifeboat::http {
namespace {

TEST(Page, reads_n_and_last) {
  const struct {
    std::string name, query;
    std::size_t limit;
    std::string last;
  } rows[] = {
      {"neither", "", kPageMax, ""},
      {"n", "n=7", 7, ""},
      {"none wanted", "n=0", 0, ""},
      {"last without n", "last=v1", kPageMax, "v1"},
      {"both", "last=v1&n=2", 2, "v1"},
      {"the cap", "n=10000", kPageMax, ""},
      {"over the cap", "n=10001", kPageMax, ""},
      {"a number of no type", "n=99999999999999999999999999", kPageMax, ""},
      {"leading zeros", "n=0005", 5, ""},
  };
  for (const auto& row : rows) {
    const auto page = parse_page(Query::parse(row.query));
    ASSERT_TRUE(page.has_value()) << row.name;
    EXPECT_EQ(page->limit, row.limit) << row.name;
    EXPECT_EQ(page->last, row.last) << row.name;
  }
}

TEST(Page, refuses_an_n_that_is_no_number) {
  for (const char* query : {"n=-1", "n=abc", "n=", "n=1.5", "n=+1", "n=1e3", "n=0x10"}) {
    const auto page = parse_page(Query::parse(query));
    ASSERT_FALSE(page.has_value()) << query;
    EXPECT_EQ(page.error().code(), ErrorCode::invalid) << query;
  }
}

TEST(Page, links_to_the_next_relative_and_escaped) {
  const Query plain = Query::parse("n=2");
  EXPECT_EQ(next_link("/v2/a/b/tags/list", {2, ""}, "v1", plain), "</v2/a/b/tags/list?n=2&last=v1>; rel=\"next\"");
  const Query of_upstream = Query::parse("n=2&ns=ghcr.io");
  EXPECT_EQ(next_link("/v2/a/tags/list", {2, ""}, "a b>", of_upstream),
            "</v2/a/tags/list?n=2&last=a%20b%3E&ns=ghcr.io>; rel=\"next\"");
  EXPECT_EQ(path_escaped("/v2/[::1]:5000/a/"), "/v2/%5B%3A%3A1%5D%3A5000/a/");
}

oci::Referrer referrer(char letter, std::string type) {
  return {.digest = oci::Digest::of(HashAlgorithm::sha256, as_bytes(std::string(1, letter))),
          .media_type = "application/vnd.oci.image.manifest.v1+json",
          .size_bytes = 10,
          .artifact_type = std::move(type),
          .annotations_json = ""};
}

TEST(ReferrersPage, filters_before_it_pages_and_walks_all) {
  std::vector<oci::Referrer> all;
  for (char letter = 'a'; letter <= 'z'; ++letter)
    all.push_back(referrer(letter, letter % 2 == 0 ? "x/even" : "x/odd"));
  EXPECT_TRUE(referrers_page(all, "", "", kReferrersPageMaxBytes).last.empty());

  std::vector<oci::Digest> seen;
  std::string last;
  int pages = 0;
  do {
    const ReferrersPage page = referrers_page(all, "x/even", last, 1000);
    EXPECT_LE(page.body.size(), 1000U);
    const auto listed = oci::parse_referrers(as_bytes(page.body));
    ASSERT_TRUE(listed.has_value());
    ASSERT_FALSE(listed->empty());
    for (const auto& one : *listed) {
      EXPECT_EQ(one.artifact_type, "x/even");
      seen.push_back(one.digest);
    }
    last = page.last;
    ASSERT_LT(++pages, 20);
  } while (!last.empty());
  EXPECT_GT(pages, 1);
  EXPECT_EQ(seen.size(), 13U);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
}

TEST(ReferrersPage, has_one_referrer_even_when_it_is_too_large) {
  const std::vector<oci::Referrer> all = {referrer('a', "x/y"), referrer('b', "x/y")};
  const ReferrersPage page = referrers_page(all, "", "", 10);
  EXPECT_EQ(oci::parse_referrers(as_bytes(page.body))->size(), 1U);
  EXPECT_FALSE(page.last.empty());
  EXPECT_EQ(oci::parse_referrers(as_bytes(referrers_page({}, "", "", 10).body))->size(), 0U);
}

}  // namespace
}  // namespace lifeboat::http
