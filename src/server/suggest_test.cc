#include "server/suggest.h"

#include <gtest/gtest.h>

namespace lifeboat::server {
namespace {

constexpr std::string_view kWords[] = {"upstream", "server", "listen", "log", "tls_key"};

TEST(Suggestion, names_the_nearest_word) {
  struct Row {
    const char* given;
    std::string_view meant;
  };
  const Row rows[] = {
      {"upstrem", "upstream"},
      {"upstreams", "upstream"},
      {"usptream", "upstream"},
      {"lisen", "listen"},
      {"logs", "log"},
      {"TLS_KEY", "tls_key"},
      {"sever", "server"},
      {"zebra", ""},
      {"", ""},
      {"up", ""},
      {"tls", "tls_key"},
  };
  for (const Row& row : rows) EXPECT_EQ(nearest(row.given, kWords), row.meant) << row.given;
}

TEST(Suggestion, says_nothing_about_a_very_long_word) { EXPECT_EQ(nearest(std::string(100'000, 'l'), kWords), ""); }

TEST(Suggestion, reads_as_a_question) {
  EXPECT_EQ(did_you_mean("upstrem", kWords), " (did you mean 'upstream'?)");
  EXPECT_EQ(did_you_mean("zebra", kWords), "");
}

}  // namespace
}  // namespace lifeboat::server
