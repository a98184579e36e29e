#include "upstream/realm_trust.h"

#include <gtest/gtest.h>

namespace lifeboat::upstream {
namespace {

constexpr auto kFull = RealmTrust::with_credentials;
constexpr auto kAnonymous = RealmTrust::anonymous;
constexpr auto kRefused = RealmTrust::refused;

TEST(RealmTrust, is_given_to_whom_it_belongs) {
  struct Row {
    const char* name;
    const char* endpoint;
    const char* realm;
    RealmTrust want;
  };
  const std::vector<Row> rows{
      {"same host", "https://ghcr.io", "https://ghcr.io/token", kFull},
      {"same host, other port", "https://r.example.com:5000", "https://r.example.com:5001/auth", kFull},
      {"Docker Hub", "https://registry-1.docker.io", "https://auth.docker.io/token", kFull},
      {"GitLab", "https://registry.gitlab.com", "https://gitlab.com/jwt/auth", kFull},
      {"NVIDIA", "https://nvcr.io", "https://authn.nvidia.com/token", kFull},
      {"sibling", "https://registry.corp.example.com", "https://login.example.com/t", kFull},
      {"sibling below a country", "https://registry.example.co.uk", "https://auth.example.co.uk/t", kFull},
      {"another owner below a country", "https://registry.example.co.uk", "https://evil.co.uk/t", kAnonymous},
      {"another tenant", "https://me.azurecr.io", "https://evil.azurecr.io/oauth2/token", kAnonymous},
      {"own tenant", "https://me.azurecr.io", "https://me.azurecr.io/oauth2/token", kFull},
      {"another domain", "https://registry.example.com", "https://evil.test.org/token", kAnonymous},
      {"looks alike", "https://registry.example.com", "https://evilexample.com/token", kAnonymous},
      {"listed", "https://registry.example.com", "https://sso.partner.net/token", kFull},
      {"https to http", "https://registry.example.com", "http://registry.example.com/token", kRefused},
      {"http to http, same host", "http://registry.example.com", "http://registry.example.com:5001/token", kFull},
      {"http to http, other host", "http://registry.example.com", "http://auth.example.com/token", kRefused},
      {"http to https, same domain", "http://registry.example.com", "https://auth.example.com/token", kFull},
      {"loopback from outside", "https://registry.example.com", "https://127.0.0.1/token", kRefused},
      {"metadata service", "https://registry.example.com", "https://169.254.169.254/latest", kRefused},
      {"mapped address", "https://registry.example.com", "https://[::ffff:10.0.0.1]/t", kRefused},
      {"odd number", "https://registry.example.com", "https://2130706433/t", kRefused},
      {"odd hexadecimal", "https://registry.example.com", "https://0x7f.1/t", kRefused},
      {"short dotted", "https://registry.example.com", "https://127.1/t", kRefused},
      {"localhost", "https://registry.example.com", "https://localhost:8443/t", kRefused},
      {"cluster name", "https://registry.example.com", "https://dex.auth.svc/t", kRefused},
      {"private from private", "https://10.0.0.5:5000", "https://10.0.0.6/token", kAnonymous},
      {"same address", "http://127.0.0.1:5000", "http://127.0.0.1:5001/token", kFull},
      {"public address", "https://1.2.3.4", "https://1.2.3.5/token", kAnonymous},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(judge_realm(*Url::parse(row.endpoint), *Url::parse(row.realm), {"sso.partner.net"}), row.want)
        << row.name;
  }
}

TEST(RealmTrust, finds_the_registrable_domain) {
  EXPECT_EQ(registrable_domain("a.b.example.com"), "example.com");
  EXPECT_EQ(registrable_domain("example.com"), "example.com");
  EXPECT_EQ(registrable_domain("a.example.co.uk"), "example.co.uk");
  EXPECT_EQ(registrable_domain("co.uk"), "co.uk");
  EXPECT_EQ(registrable_domain("x.github.io"), "x.github.io");
  EXPECT_EQ(registrable_domain("ghcr.io"), "ghcr.io");
  EXPECT_EQ(registrable_domain("10.1.2.3"), "10.1.2.3");
  EXPECT_EQ(registrable_domain("registry"), "registry");
}

TEST(Url, reads_what_is_clear_and_nothing_else) {
  const auto url = Url::parse("HTTPS://Mirror.Example.:5000/prefix/?a=b#c");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "mirror.example");
  EXPECT_EQ(url->authority(), "mirror.example:5000");
  EXPECT_EQ(url->path, "/prefix/");
  EXPECT_EQ(url->query, "a=b");
  EXPECT_EQ(Url::parse("http://[::1]:5000/")->origin(), "http://[::1]:5000");
  EXPECT_EQ(Url::parse("https://a:443")->authority(), "a");
  for (const char* bad : {"", "a", "ftp://a", "https://", "https://u:p@a", "https://a:0", "https://a:99999",
                          "https://a b", "https://a\\b", "https://[::1", "https://a..b", "https://a..", "https://.",
                          "https://.a", "https://a:x", "https://[x]/", "https://[::1]x/", "https://a%2fb/"}) {
    EXPECT_FALSE(Url::parse(bad)) << bad;
  }
  EXPECT_EQ(percent_encoded("a/b:c d~"), "a%2Fb%3Ac%20d~");
}

}  // namespace
}  // namespace lifeboat::upstream
