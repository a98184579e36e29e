#include "upstream/credentials.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>

#include "test/support/run.h"
#include "test/support/temporary_directory.h"
#include "upstream/credential_helper.h"

namespace lifeboat::upstream {
namespace {

// The environment is set before any other thread looks at it.
// NOLINTBEGIN(concurrency-mt-unsafe)
class CredentialsTest : public ::testing::Test {
 protected:
  std::unique_ptr<CredentialStore> store(const std::function<void(EndpointOptions&)>& change) {
    EndpointOptions options;
    options.url = "https://registry.example:5000";
    change(options);
    auto endpoint = Endpoint::make(std::move(options));
    EXPECT_TRUE(endpoint) << endpoint.error().message();
    return std::make_unique<CredentialStore>(*endpoint, *files_, disk_);
  }
  std::string file(const std::string& name, const std::string& text) {
    const auto path = directory_.path() / name;
    std::ofstream(path) << text;
    return path.string();
  }
  /// A docker-credential-lifeboat-test in PATH.
  void install_helper(const std::string& script) {
    const std::string path = file("docker-credential-lifeboat-test", "#!/bin/sh\n" + script + "\n");
    ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
    const std::string all = directory_.path().string() + ":" + std::getenv("PATH");
    ASSERT_EQ(::setenv("PATH", all.c_str(), 1), 0);
  }

  test::TemporaryDirectory directory_;
  std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
  sys::ThreadPool disk_{"disk", 1};
};

TEST_F(CredentialsTest, come_from_a_variable) {
  ASSERT_EQ(::setenv("LIFEBOAT_TEST_PASSWORD", "secret", 1), 0);
  const auto from = store([](EndpointOptions& options) {
    options.username = "ci";
    options.password_env = "LIFEBOAT_TEST_PASSWORD";
  });
  const Credentials want{"ci", "secret"};
  EXPECT_EQ(test::run(from->current()).value(), want);
  EXPECT_FALSE(test::run(from->others_than(want)));
  const auto missing = store([](EndpointOptions& options) {
    options.username = "ci";
    options.password_env = "LIFEBOAT_TEST_NOT_SET";
  });
  EXPECT_EQ(test::run(missing->current()).error().code(), ErrorCode::unauthorized);
}

TEST_F(CredentialsTest, come_from_a_docker_config_and_are_read_again_when_refused) {
  const std::string path =
      file("config.json", R"({"auths":{"registry.example:5000":{"username":"ci","password":"old"}}})");
  const auto from = store([&](EndpointOptions& options) { options.docker_config = path; });
  const Credentials old{"ci", "old"};
  EXPECT_EQ(test::run(from->current()).value(), old);
  EXPECT_FALSE(test::run(from->others_than(old)));
  file("config.json", R"({"auths":{"registry.example:5000":{"username":"ci","password":"new"}}})");
  EXPECT_EQ(test::run(from->current()).value(), old) << "nobody refused it";
  const auto others = test::run(from->others_than(old));
  ASSERT_TRUE(others);
  EXPECT_EQ(others->password, "new");
  EXPECT_EQ(test::run(from->current()).value(), old) << "nobody has seen the new one work";
  from->adopt(*others);
  EXPECT_EQ(test::run(from->current()).value()->password, "new");
}

TEST_F(CredentialsTest, are_missing_in_a_docker_config_and_that_is_said) {
  const std::string path = file("config.json", R"({"auths":{"other.example":{"auth":"YTpi"}}})");
  const auto got = test::run(store([&](EndpointOptions& options) { options.docker_config = path; })->current());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), ErrorCode::unauthorized);
  EXPECT_TRUE(got.error().message().contains("registry.example:5000")) << got.error().message();
}

TEST_F(CredentialsTest, come_from_a_helper_which_is_told_the_address) {
  install_helper(R"(read server; test "$1" = get || exit 2; echo "{\"Username\":\"for $server\",\"Secret\":\"s\"}")");
  const auto from = store([](EndpointOptions& options) { options.credential_helper = "lifeboat-test"; });
  const auto got = test::run(from->current());
  ASSERT_TRUE(got) << got.error().message();
  const Credentials want{"for registry.example:5000", "s"};
  EXPECT_EQ(*got, want);
  const std::string config = file("config.json", R"({"credHelpers":{"registry.example:5000":"lifeboat-test"}})");
  EXPECT_EQ(test::run(store([&](EndpointOptions& options) { options.docker_config = config; })->current()).value(),
            want);
}

TEST_F(CredentialsTest, of_a_helper_are_not_asked_for_at_every_refusal) {
  const std::string calls = (directory_.path() / "calls").string();
  install_helper("echo called >> " + calls + R"(; echo '{"Username":"u","Secret":"s"}')");
  const auto from = store([](EndpointOptions& options) { options.credential_helper = "lifeboat-test"; });
  const auto first = test::run(from->current());
  ASSERT_TRUE(first) << first.error().message();
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(test::run(from->others_than(*first)));
  std::ifstream written(calls);
  const std::string all((std::istreambuf_iterator<char>(written)), std::istreambuf_iterator<char>());
  EXPECT_EQ(all, "called\n");
}

TEST_F(CredentialsTest, of_a_helper_that_is_down_are_not_asked_for_by_every_request) {
  const std::string calls = (directory_.path() / "calls").string();
  install_helper("echo called >> " + calls + "; exit 1");
  const auto from = store([](EndpointOptions& options) { options.credential_helper = "lifeboat-test"; });
  for (int i = 0; i < 5; ++i) EXPECT_EQ(test::run(from->current()).error().code(), ErrorCode::unauthorized);
  std::ifstream written(calls);
  const std::string all((std::istreambuf_iterator<char>(written)), std::istreambuf_iterator<char>());
  EXPECT_EQ(all, "called\n");
}

TEST_F(CredentialsTest, of_a_helper_that_fails_are_an_error_without_its_output) {
  install_helper(R"(echo "hunter2"; exit 1)");
  const auto got =
      test::run(store([](EndpointOptions& options) { options.credential_helper = "lifeboat-test"; })->current());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), ErrorCode::unauthorized);
  EXPECT_TRUE(got.error().message().contains("status 1")) << got.error().message();
  EXPECT_FALSE(got.error().message().contains("hunter2"));
  const auto strange =
      test::run(store([](EndpointOptions& options) { options.credential_helper = "../sh"; })->current());
  EXPECT_FALSE(strange);
}

TEST_F(CredentialsTest, of_docker_are_none_where_docker_has_none) {
  const auto find = [&](const std::string& config) {
    return find_docker_login(*files_, config, "registry.example:5000");
  };
  const Credentials want{"ci", "s3:cret"};
  const std::string plain = file("plain.json", R"({"auths":{"registry.example:5000":{"auth":"Y2k6czM6Y3JldA=="}}})");
  EXPECT_EQ(find(plain).value(), want);
  EXPECT_EQ(find(file("other.json", R"({"auths":{"ghcr.io":{"auth":"Y2k6czM6Y3JldA=="}}})")).value(), std::nullopt);
  EXPECT_EQ(find(directory_.path().string() + "/none.json").value(), std::nullopt);
  EXPECT_EQ(find(file("bad.json", "[]")).error().code(), ErrorCode::invalid);

  const std::string by_helper = file("helper.json", R"({"credsStore":"lifeboat-test"})");
  install_helper(R"(echo "credentials not found in native keychain"; exit 1)");
  EXPECT_EQ(find(by_helper).value(), std::nullopt);
  install_helper("echo 'the keychain is locked'; exit 1");
  EXPECT_EQ(find(by_helper).error().code(), ErrorCode::unauthorized);
  install_helper(R"(echo '{"Username":"ci","Secret":"s3:cret"}')");
  EXPECT_EQ(find(by_helper).value(), want);
  const std::string no_program = file("program.json", R"({"credsStore":"lifeboat-nobody-has-this"})");
  EXPECT_EQ(find(no_program).error().code(), ErrorCode::unauthorized) << "not taken for having none";
}

// NOLINTEND(concurrency-mt-unsafe)

}  // namespace
}  // namespace lifeboat::upstream
