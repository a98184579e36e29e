#include "server/any_upstream.h"

#include <gtest/gtest.h>

namespace lifeboat::server {
namespace {

oci::RegistryHost host(std::string_view text) { return *oci::RegistryHost::parse(text); }

TEST(AnyUpstream, puts_the_host_in_its_places) {
  const struct {
    const char* name;
    const char* text;
    const char* want;
  } rows[] = {
      {"nothing", "", ""},
      {"none", "https://harbor.example", "https://harbor.example"},
      {"all", "{host}", "a.example:5000"},
      {"within", "https://{host}/v2", "https://a.example:5000/v2"},
      {"twice", "{host}/{host}", "a.example:5000/a.example:5000"},
      {"something like it", "{hosts}/{host", "{hosts}/{host"},
  };
  for (const auto& row : rows) EXPECT_EQ(with_host(row.text, "a.example:5000"), row.want) << row.name;
}

TEST(AnyUpstream, gives_each_host_what_it_says_for_all) {
  UpstreamConfig any;
  any.host = "*";
  any.allow = {"*.example"};
  any.fresh_for = std::chrono::seconds(5);
  any.endpoints.resize(2);
  any.endpoints[0].url = "https://{host}";
  any.endpoints[1].url = "https://harbor.example";
  any.endpoints[1].match = "org/*";
  any.endpoints[1].rewrite = "cache/{host}/*";

  UpstreamConfig want = any;
  want.host = "a.example";
  want.allow = {};
  want.endpoints[0].url = "https://a.example";
  want.endpoints[1].rewrite = "cache/a.example/*";
  EXPECT_EQ(config_for(any, host("a.example")), want);
}

TEST(AnyUpstream, allows_what_one_of_its_patterns_means) {
  UpstreamConfig any;
  EXPECT_FALSE(allows(any, host("quay.io")));
  any.allow = {"*.example", "quay.io"};
  EXPECT_TRUE(allows(any, host("quay.io")));
  EXPECT_TRUE(allows(any, host("a.example")));
  EXPECT_FALSE(allows(any, host("ghcr.io")));
  EXPECT_FALSE(allows(any, host("127.0.0.1")));
}

TEST(AnyUpstream, knows_where_the_host_decides_who_is_asked) {
  EXPECT_TRUE(is_of_each_host("https://{host}"));
  EXPECT_TRUE(is_of_each_host("https://mirror.{host}:5000/v2"));
  EXPECT_FALSE(is_of_each_host("https://harbor.example"));
  EXPECT_FALSE(is_of_each_host("https://harbor.example/{host}"));
}

}  // namespace
}  // namespace lifeboat::server
