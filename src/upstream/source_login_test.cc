// Whose login is in use, and what is concluded from answers about it.

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include "test/support/temporary_directory.h"
#include "upstream/source_test.h"

namespace lifeboat::upstream::source_test {
namespace {

using Verdict = CredentialState::Verdict;

/// A registry with tokens for each repository: "<password>:<scope>".
class ScopedRegistry {
 public:
  ScopedRegistry() : server_([this](const Request& request) { return answer(request); }) {}
  std::string url() const { return server_.url(); }
  /// Logins that asked for a token, in their order.
  std::vector<std::string> logins() const {
    std::vector<std::string> all;
    for (const Request& request : server_.requests()) {
      if (request.target.starts_with("/token")) all.push_back(request.fields.joined("Authorization"));
    }
    return all;
  }

  std::set<std::string> passwords{"old"};  ///< that get tokens; those given stay good
  std::string denied;                      ///< in the scope: no token is given

 private:
  Answer answer(const Request& request) {
    if (!request.target.starts_with("/token")) {
      if (request.fields.find("Authorization")) return json(kManifest);
      return {.status = 401,
              .fields = {{"WWW-Authenticate", "Bearer realm=\"" + server_.url() + "/token\",service=\"s\""}}};
    }
    if (!denied.empty() && request.target.contains(denied)) return json(R"({"errors":[{"code":"DENIED"}]})", 403);
    const std::string authorization = request.fields.joined("Authorization");
    const bool is_known = std::ranges::any_of(
        passwords, [&](const std::string& one) { return authorization == Credentials{"user", one}.basic(); });
    if (!is_known) return json(R"({"errors":[{"code":"UNAUTHORIZED"}]})", 401);
    return json(R"({"token":"t","expires_in":300})");
  }

  HttpImposter server_;
};

class LoginTest : public RegistrySourceTest {
 protected:
  LoginTest() { keep("old"); }
  void keep(const std::string& secret) { std::ofstream(path_) << secret << "\n"; }
  /// What is known of the login comes from requests alone.
  std::unique_ptr<RegistrySource> with_login(const std::string& url) {
    return source(url, [&](EndpointOptions& options) {
      options.username = "user";
      options.password_file = path_;
      options.credential_check_every = Duration(0);
    });
  }
  static std::string get(RegistrySource& from, const char* name) {
    const auto got = test::run(from.manifest(call(), repository(name), oci::Reference(tag("v1"))));
    return got ? "here" : std::string(to_string(got.error().code()));
  }

  const test::TemporaryDirectory directory_;
  const std::string path_ = directory_.path() / "password";
};

TEST_F(LoginTest, hears_nothing_about_the_login_from_a_token_of_before) {
  ScopedRegistry registry;
  const auto asked = with_login(registry.url());
  ASSERT_EQ(get(*asked, "team/app"), "here");
  registry.passwords = {"new"};
  ASSERT_EQ(get(*asked, "team/other"), "unauthorized") << "the login is refused, the token for team/app is still good";
  EXPECT_EQ(asked->credentials().verdict, Verdict::rejected);
  ASSERT_EQ(get(*asked, "team/app"), "here");
  EXPECT_EQ(asked->credentials().verdict, Verdict::rejected)
      << "a token of before was taken for a login that works: deploys of anything else fail unannounced";
  keep("new");
  ASSERT_EQ(get(*asked, "team/other"), "here");
  EXPECT_EQ(asked->credentials().verdict, Verdict::works) << "the new login got a token, and that was taken";
}

TEST_F(LoginTest, keeps_a_login_that_works_when_one_repository_is_denied) {
  ScopedRegistry registry;
  registry.passwords = {"old", "new"};
  registry.denied = "secret";
  const auto asked = with_login(registry.url());
  ASSERT_EQ(get(*asked, "team/app"), "here");
  keep("new");
  EXPECT_EQ(get(*asked, "team/secret"), "denied");
  EXPECT_EQ(get(*asked, "team/other"), "here");
  EXPECT_NE(asked->credentials().verdict, Verdict::rejected);
  for (const std::string& login : registry.logins()) {
    EXPECT_EQ(login, (Credentials{"user", "old"}.basic()))
        << "another login was tried, although this one was not refused";
  }
}

TEST_F(LoginTest, brings_a_rotated_basic_login_into_use_when_it_was_taken) {
  std::atomic<bool> wants_new = false;
  std::atomic<bool> wants_none = false;
  HttpImposter server([&](const Request& request) {
    const std::string wanted = Credentials{"user", wants_new ? "new" : "old"}.basic();
    if (!wants_none && request.fields.joined("Authorization") == wanted) return json(kManifest);
    return Answer{.status = 401, .fields = {{"WWW-Authenticate", "Basic realm=\"r\""}}};
  });
  const auto asked = with_login(server.url());
  ASSERT_EQ(get(*asked, "team/app"), "here");
  keep("new");  // before the registry knows it
  wants_none = true;
  EXPECT_EQ(get(*asked, "team/app"), "unauthorized");
  wants_none = false;
  std::size_t before = server.requests().size();
  EXPECT_EQ(get(*asked, "team/app"), "here") << "the old login was given up for one that never worked";
  EXPECT_EQ(server.requests().size(), before + 1) << "the new one was tried first, and has never worked";
  wants_new = true;
  EXPECT_EQ(get(*asked, "team/app"), "here");
  before = server.requests().size();
  EXPECT_EQ(get(*asked, "team/app"), "here");
  EXPECT_EQ(server.requests().size(), before + 1) << "the old one is still tried first, and costs a refusal each time";
}

}  // namespace
}  // namespace lifeboat::upstream::source_test
