#include "cli/remote_registry.h"

#include <gtest/gtest.h>

#include <fstream>

#include "test/support/code_of.h"
#include "test/support/http_imposter.h"
#include "test/support/run.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::cli {
namespace {

using test::HttpImposter;

Call call() { return {std::chrono::steady_clock::now() + std::chrono::seconds(20), "test"}; }
oci::RegistryHost host_of(const HttpImposter& server) { return *oci::RegistryHost::parse(server.host()); }

TEST(RemoteRegistries, look_for_logins_where_docker_and_podman_keep_them) {
  using Files = std::vector<std::string>;
  EXPECT_EQ(login_files({{"HOME", "/home/ci"}}), Files{"/home/ci/.docker/config.json"});
  EXPECT_EQ(login_files({{"HOME", "/home/ci"}, {"DOCKER_CONFIG", "/d"}}), Files{"/d/config.json"});
  EXPECT_EQ(login_files({{"XDG_RUNTIME_DIR", "/run/1"}, {"REGISTRY_AUTH_FILE", "/a.json"}}),
            (Files{"/a.json", "/run/1/containers/auth.json"}));
  EXPECT_EQ(login_files({}), Files{});
}

TEST(RemoteRegistries, log_in_with_what_docker_has_for_the_host) {
  HttpImposter server([](const HttpImposter::Request& request) {
    if (!request.fields.joined("Authorization").empty()) return HttpImposter::Answer{.body = R"({"tags":[]})"};
    return HttpImposter::Answer{.status = 401, .fields = {{"WWW-Authenticate", "Basic realm=\"r\""}}};
  });
  const test::TemporaryDirectory directory;
  std::ofstream(directory.path() / "config.json")
      << R"({"auths":{")" << server.host() << R"(":{"username":"ci","password":"secret"}}})";
  RemoteRegistries registries({.plain_http = {server.host()}}, {{"DOCKER_CONFIG", directory.path().string()}}, 4);
  const auto opened = test::run(registries.open(call(), host_of(server)));
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(test::code_of(test::run((*opened)->tags(call(), *oci::Repository::parse("app"), "", 10))), "");
  EXPECT_EQ(server.requests().back().fields.joined("Authorization"), "Basic Y2k6c2VjcmV0");
}

TEST(RemoteRegistries, refuse_options_that_contradict_each_other) {
  EXPECT_EQ(RemoteOptions{}.mistake(), "");
  EXPECT_TRUE((RemoteOptions{.username = "ci"}.mistake()).contains("--password-file"));
  EXPECT_EQ((RemoteOptions{.plain_http = {"backup.lan:5000", "localhost"}}.mistake()), "");
  EXPECT_TRUE((RemoteOptions{.plain_http = {"ghcr.io/org/app:v1"}}.mistake()).contains("--plain-http"))
      << "a name of an image is no registry";
}

TEST(RemoteRegistries, tell_no_login_without_tls_to_a_registry_that_is_not_named_for_it) {
  HttpImposter server([](const HttpImposter::Request&) { return HttpImposter::Answer{.body = R"({"tags":[]})"}; });
  const test::TemporaryDirectory directory;
  const std::string ca_file = (directory.path() / "ca.pem").string();
  const auto ask = [&](std::vector<std::string> plain_http) {
    // With a file of authorities TLS is wanted on loopback as well.
    RemoteRegistries registries({.plain_http = std::move(plain_http), .ca_file = ca_file}, {}, 4);
    const auto opened = test::run(registries.open(call(), host_of(server)));
    return opened && test::run((*opened)->tags(call(), *oci::Repository::parse("app"), "", 10)).has_value();
  };
  EXPECT_FALSE(ask({"backup.lan:5000"})) << "another one is named";
  EXPECT_TRUE(server.requests().empty());
  EXPECT_TRUE(ask({"backup.lan:5000", server.host()}));
}

}  // namespace
}  // namespace lifeboat::cli
