#include <algorithm>
#include <filesystem>
#include <fstream>

#include "test/support/temporary_directory.h"
#include "upstream/source_test.h"

namespace lifeboat::upstream::source_test {
namespace {

class CredentialCanaryTest : public RegistrySourceTest {
 protected:
  CredentialCanaryTest() { keep("old"); }
  void keep(const std::string& secret) { std::ofstream(path_) << secret << "\n"; }
  std::unique_ptr<RegistrySource> with_login(const std::string& url) {
    return source(url, [&](EndpointOptions& options) {
      options.username = "user";
      options.password_file = path_;
      options.credential_check_every = milliseconds(1);
    });
  }
  CredentialState check(RegistrySource& asked) {
    clock_wait(milliseconds(3));  // for it to be due
    test::run(checked(asked));
    return asked.credentials();
  }
  static Awaitable<bool> checked(RegistrySource& asked) {
    co_await asked.check_credentials(call());
    co_return true;
  }

  using Verdict = CredentialState::Verdict;
  const test::TemporaryDirectory directory_;
  const std::string path_ = directory_.path() / "password";
};

TEST_F(CredentialCanaryTest, tells_whether_a_login_works_without_any_client) {
  TokenRegistry registry("old");
  const auto asked = with_login(registry.url());
  EXPECT_EQ(asked->credentials().verdict, Verdict::none);
  EXPECT_LE(asked->next_credential_check(), clock_.now());
  EXPECT_EQ(check(*asked).verdict, Verdict::works) << asked->credentials().reason;
  registry.set_password("new");
  EXPECT_EQ(check(*asked).verdict, Verdict::rejected);
  EXPECT_TRUE(metrics_.render().contains("lifeboat_upstream_credential_state{host=\"" + registry.server().host() +
                                         "\",state=\"rejected\"} 1"));
  std::filesystem::remove(path_);
  EXPECT_EQ(check(*asked).verdict, Verdict::rejected) << "it is not where it should be";
}

TEST_F(CredentialCanaryTest, uses_a_rotated_login_only_when_it_was_seen_to_work) {
  TokenRegistry registry("old");
  const auto asked = with_login(registry.url());
  ASSERT_EQ(check(*asked).verdict, Verdict::works);
  keep("new");  // before the registry knows it
  const CredentialState early = check(*asked);
  EXPECT_EQ(early.verdict, Verdict::works);
  EXPECT_TRUE(early.reason.contains("still works")) << early.reason;
  EXPECT_TRUE(manifest(*asked)) << "by the old one";
  registry.set_password("new");
  registry.revoke();
  EXPECT_EQ(check(*asked).verdict, Verdict::works);
  const std::size_t before = registry.server().requests().size();
  EXPECT_TRUE(manifest(*asked));
  for (std::size_t i = before; i < registry.server().requests().size(); ++i) {
    const auto request = registry.server().requests()[i];
    EXPECT_NE(request.fields.joined("Authorization"), (Credentials{"user", "old"}.basic())) << "the old one was tried";
  }
}

TEST_F(CredentialCanaryTest, asks_the_endpoint_itself_where_it_wants_basic) {
  std::atomic<int> status = 200;
  HttpImposter server([&](const Request& request) {
    if (!request.fields.find("Authorization")) {
      return Answer{.status = 401, .fields = {{"WWW-Authenticate", "Basic realm=\"r\""}}};
    }
    return json("{}", status);
  });
  const auto asked = with_login(server.url());
  EXPECT_EQ(check(*asked).verdict, Verdict::works) << asked->credentials().reason;
  status = 401;
  EXPECT_EQ(check(*asked).verdict, Verdict::rejected);
  status = 503;
  EXPECT_EQ(check(*asked).verdict, Verdict::cannot_tell);
  EXPECT_EQ(server.requests().back().target, "/v2/");
}

TEST_F(CredentialCanaryTest, cannot_tell_during_an_outage_or_where_no_login_is_asked_for) {
  const test::RefusingPort dead;
  const auto down = with_login(dead.url());
  EXPECT_EQ(check(*down).verdict, Verdict::cannot_tell);
  EXPECT_EQ(check(*down).verdict, Verdict::cannot_tell) << "with an open breaker";
  HttpImposter open([](const Request&) { return json("{}"); });
  EXPECT_EQ(check(*with_login(open.url())).verdict, Verdict::cannot_tell);
}

TEST_F(CredentialCanaryTest, is_due_without_a_login_only_once_a_realm_is_known) {
  std::string url;
  HttpImposter server([&](const Request& request) {
    if (request.target.starts_with("/token")) return json(R"({"token":"t","expires_in":300})");
    if (request.fields.find("Authorization")) return json(kManifest);
    return Answer{.status = 401, .fields = {{"WWW-Authenticate", "Bearer realm=\"" + url + "/token\",service=\"s\""}}};
  });
  url = server.url();
  const auto asked = source(url, [](EndpointOptions& options) { options.credential_check_every = milliseconds(1); });
  EXPECT_EQ(asked->next_credential_check(), SteadyTime::max());
  ASSERT_TRUE(manifest(*asked));
  EXPECT_EQ(check(*asked).verdict, Verdict::works) << asked->credentials().reason;
}

}  // namespace
}  // namespace lifeboat::upstream::source_test
