#include "server/load.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace lifeboat::server {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

ConfigSources sources_of(std::optional<std::string> file, Environment environment = {}, ConfigFlags flags = {}) {
  environment.emplace_back("HOME", "/home/someone");
  ConfigSources sources;
  sources.file_text = std::move(file);
  sources.environment = std::move(environment);
  sources.flags = std::move(flags);
  return sources;
}

LoadedConfig loaded(const ConfigSources& sources) {
  auto result = load_config(sources);
  if (!result) {
    ADD_FAILURE() << result.error().message();
    return {};
  }
  return std::move(*result);
}

std::string error_of(const ConfigSources& sources) {
  const auto result = load_config(sources);
  return result ? "no error" : result.error().message();
}

const UpstreamConfig* find_upstream(const Config& config, std::string_view host) {
  const auto found = std::ranges::find(config.upstreams, host, &UpstreamConfig::host);
  return found == config.upstreams.end() ? nullptr : &*found;
}

TEST(LoadConfig, needs_nothing) {
  const Config config = loaded(sources_of(std::nullopt)).config;
  EXPECT_EQ(config.server.listen, ":5000");
  EXPECT_EQ(config.server.answer_within, seconds(2));
  EXPECT_EQ(config.server.body_rate_min_bytes, 1024U);
  EXPECT_EQ(config.server.manifest_cache_bytes, 8U * 1024 * 1024);
  EXPECT_EQ(config.server.default_host, "docker.io");
  EXPECT_FALSE(config.server.is_default_host_explicit);
  EXPECT_TRUE(config.storage.delete_enabled);
  EXPECT_EQ(config.storage.uploads_expire, std::chrono::hours(24));
  EXPECT_EQ(config.log.level, LogLevel::info);
  EXPECT_EQ(config.log.access, AccessLog::problems);
  EXPECT_TRUE(config.metrics.enabled);
  EXPECT_FALSE(config.default_upstream.has_value());
  ASSERT_EQ(config.upstreams.size(), 7U);
  EXPECT_EQ(config.upstreams[0].host, "docker.io");
  EXPECT_EQ(config.upstreams[0].endpoints.at(0).url, "https://registry-1.docker.io");
  EXPECT_EQ(config.upstreams[1].endpoints.at(0).url, "https://ghcr.io");
  EXPECT_EQ(config.upstreams[1].fresh_for, seconds(60));
  EXPECT_EQ(config.upstreams[1].max_stale, std::nullopt);
  EXPECT_EQ(config.upstreams[1].connect_timeout, seconds(1));
}

TEST(LoadConfig, keeps_content_where_the_user_may_write) {
  EXPECT_EQ(loaded(sources_of("")).config.storage.root, "/home/someone/.local/share/lifeboat");
  ConfigSources as_root = sources_of("");
  as_root.is_root = true;
  EXPECT_EQ(loaded(as_root).config.storage.root, "/var/lib/lifeboat");
  ConfigSources homeless = sources_of("");
  homeless.environment.clear();
  EXPECT_EQ(error_of(homeless), "cannot choose 'storage.root': HOME is not set (want storage.root or --data)");
  homeless.flags.data = "data";
  EXPECT_EQ(loaded(homeless).config.storage.root, "data");
}

TEST(LoadConfig, lets_flags_win_over_environment_over_file_over_default) {
  const std::string file = "[server]\nlisten = \":1\"\ngrace = \"1s\"\n";
  const Environment environment{{"LIFEBOAT_SERVER_LISTEN", ":2"}};
  EXPECT_EQ(loaded(sources_of("")).config.server.listen, ":5000");
  EXPECT_EQ(loaded(sources_of(file)).config.server.listen, ":1");
  EXPECT_EQ(loaded(sources_of(file, environment)).config.server.listen, ":2");
  const LoadedConfig all = loaded(sources_of(file, environment, {.listen = ":3", .data = {}, .upstreams = {}}));
  EXPECT_EQ(all.config.server.listen, ":3");
  EXPECT_EQ(all.config.server.grace, seconds(1));
  EXPECT_EQ(all.origins.process.at("server.listen").where, "--listen");
  EXPECT_EQ(all.origins.process.at("server.grace").where, "lifeboat.toml:3");
}

TEST(LoadConfig, replaces_a_builtin_upstream_that_is_named) {
  const Config config = loaded(sources_of(R"(
[[upstream]]
host = "GHCR.io"
fresh_for = "10m"
max_stale = "7d"
[[upstream]]
host = "registry-1.docker.io"
[[upstream]]
host = "registry.example:5000"
endpoints = [
  { url = "https://a.example/", username = "robot", password_file = "/run/secret" },
  { url = "http://127.0.0.1:5001/mirror" },
]
)"))
                            .config;
  ASSERT_EQ(config.upstreams.size(), 8U);
  EXPECT_EQ(config.upstreams[0].host, "ghcr.io");
  EXPECT_EQ(config.upstreams[0].fresh_for, minutes(10));
  EXPECT_EQ(config.upstreams[0].max_stale, std::chrono::hours(168));
  EXPECT_EQ(config.upstreams[0].endpoints.at(0).url, "https://ghcr.io");
  EXPECT_EQ(config.upstreams[1].host, "docker.io");
  EXPECT_EQ(config.upstreams[1].endpoints.at(0).url, "https://registry-1.docker.io");
  ASSERT_EQ(config.upstreams[2].endpoints.size(), 2U);
  EXPECT_EQ(config.upstreams[2].endpoints[0].url, "https://a.example");
  EXPECT_EQ(config.upstreams[2].endpoints[0].password_file, "/run/secret");
  EXPECT_EQ(config.upstreams[2].endpoints[1].url, "http://127.0.0.1:5001/mirror");
}

TEST(LoadConfig, keeps_the_rules_of_an_upstream_in_their_order) {
  const Config config = loaded(sources_of(R"(
[[upstream]]
host = "ghcr.io"
fresh_for = "10m"
rules = [
  { match = "org/*:latest", fresh_for = "10s", revalidate_within = "300ms" },
  { match = "org/*", max_stale = "30d", on_gone = "drop", on_credential_fault = "refuse", not_found_for = "0s" },
  { match = "team/app", max_stale = "unlimited", on_gone = "keep", on_credential_fault = "serve" },
  { match = "team/*" },
]
)"))
                            .config;
  using Stale = std::optional<Duration>;
  const std::vector<RuleConfig> want{
      {.match = "org/*:latest",
       .fresh_for = {seconds(10)},
       .max_stale = {},
       .revalidate_within = {Duration(300)},
       .on_gone = {},
       .on_credential_fault = {},
       .not_found_for = {}},
      {.match = "org/*",
       .fresh_for = {},
       .max_stale = {Stale(std::chrono::hours(24 * 30))},
       .revalidate_within = {},
       .on_gone = {OnGone::drop},
       .on_credential_fault = {OnCredentialFault::refuse},
       .not_found_for = {seconds(0)}},
      {.match = "team/app",
       .fresh_for = {},
       .max_stale = {Stale()},
       .revalidate_within = {},
       .on_gone = {OnGone::keep},
       .on_credential_fault = {OnCredentialFault::serve},
       .not_found_for = {}},
      {.match = "team/*",
       .fresh_for = {},
       .max_stale = {},
       .revalidate_within = {},
       .on_gone = {},
       .on_credential_fault = {},
       .not_found_for = {}},
  };
  EXPECT_EQ(config.upstreams[0].rules, want);
  EXPECT_EQ(config.upstreams[0].fresh_for, minutes(10)) << "a rule changes nothing beyond itself";
  EXPECT_TRUE(config.upstreams[1].rules.empty());
  EXPECT_EQ(config.upstreams[0].endpoints.size(), 1U) << "rules are no endpoints";
}

TEST(LoadConfig, keeps_the_upstream_of_any_host_apart) {
  const Config config = loaded(sources_of(R"(
[server]
default_host = "registry.example.com"
[[upstream]]
host = "*"
allow = ["*.example.com", "127.0.0.1:5000"]
fresh_for = "10m"
[[upstream]]
host = "quay.io"
)"))
                            .config;
  ASSERT_TRUE(config.any_upstream.has_value());
  EXPECT_EQ(config.any_upstream->allow, (std::vector<std::string>{"*.example.com", "127.0.0.1:5000"}));
  EXPECT_EQ(config.any_upstream->fresh_for, minutes(10));
  ASSERT_EQ(config.any_upstream->endpoints.size(), 1U);
  EXPECT_EQ(config.any_upstream->endpoints[0].url, "https://{host}");
  EXPECT_EQ(find_upstream(config, "*"), nullptr);
  EXPECT_EQ(config.upstreams[0].host, "quay.io");
  EXPECT_TRUE(config.upstreams[0].allow.empty());
  EXPECT_EQ(config.server.default_host, "registry.example.com") << "a host that is allowed is known";
  EXPECT_FALSE(loaded(sources_of("")).config.any_upstream.has_value()) << "off by default";
}

TEST(LoadConfig, drops_builtin_upstreams_on_demand) {
  const Config config =
      loaded(sources_of("[server]\nbuiltin_upstreams = false\n[[upstream]]\nhost = \"quay.io\"\n")).config;
  ASSERT_EQ(config.upstreams.size(), 1U);
  EXPECT_EQ(config.upstreams[0].host, "quay.io");
}

TEST(LoadConfig, knows_when_the_default_host_was_named) {
  const Config config = loaded(sources_of("[server]\ndefault_host = \"docker.io\"\n")).config;
  EXPECT_TRUE(config.server.is_default_host_explicit);
}

TEST(LoadConfig, takes_a_bare_upstream_as_what_requests_without_a_host_mean) {
  const LoadedConfig result = loaded(sources_of(
      "[[upstream]]\nhost = \"default\"\nfresh_for = \"5s\"\nendpoints = [{ url = \"https://old.example\" }]\n", {},
      {.listen = {}, .data = {}, .upstreams = {"http://127.0.0.1:5001", "https://two.example/a=b"}}));
  ASSERT_TRUE(result.config.default_upstream.has_value());
  const UpstreamConfig& upstream = *result.config.default_upstream;
  EXPECT_EQ(upstream.fresh_for, seconds(5));
  ASSERT_EQ(upstream.endpoints.size(), 2U);
  EXPECT_EQ(upstream.endpoints[0].url, "http://127.0.0.1:5001");
  EXPECT_EQ(upstream.endpoints[1].url, "https://two.example/a=b");
  EXPECT_EQ(find_upstream(result.config, "default"), nullptr);
}

TEST(LoadConfig, lets_flags_replace_the_endpoints_of_a_host_and_nothing_else) {
  const Config config = loaded(sources_of("[[upstream]]\nhost = \"ghcr.io\"\nfresh_for = \"5s\"\n"
                                          "endpoints = [{ url = \"https://old.example\" }]\n",
                                          {},
                                          {.listen = {},
                                           .data = {},
                                           .upstreams = {"ghcr.io=https://one.example", "quay.io=https://q.example",
                                                         "GHCR.IO=https://two.example"}}))
                            .config;
  const UpstreamConfig* ghcr = find_upstream(config, "ghcr.io");
  ASSERT_NE(ghcr, nullptr);
  EXPECT_EQ(ghcr->fresh_for, seconds(5));
  ASSERT_EQ(ghcr->endpoints.size(), 2U);
  EXPECT_EQ(ghcr->endpoints[0].url, "https://one.example");
  EXPECT_EQ(ghcr->endpoints[1].url, "https://two.example");
  const UpstreamConfig* quay = find_upstream(config, "quay.io");
  ASSERT_NE(quay, nullptr);
  EXPECT_EQ(quay->endpoints.at(0).url, "https://q.example");
}

TEST(LoadConfig, says_what_is_wrong_with_a_flag) {
  ConfigSources sources = sources_of("");
  sources.flags.upstreams = {"gh cr=https://a.example", "ghcr.io=ghcr.io", "https://user:hunter2@a.example"};
  sources.flags.listen = "nowhere";
  EXPECT_EQ(
      error_of(sources),
      "--listen: cannot set 'server.listen': no port from 0 to 65535 (got 'nowhere', want an address and port, for "
      "example ':5000', '127.0.0.1:5000' or '[::1]:5000')\n"
      "--upstream: cannot set 'upstream.host': not a registry's host (got 'gh cr', want a host, for example "
      "'ghcr.io' or 'registry.example:5000')\n"
      "--upstream: cannot set 'upstream.endpoints.url': no 'https://' or 'http://' in front (want an address, for "
      "example 'https://registry.example:5000')\n"
      "--upstream: cannot set 'upstream.endpoints.url': credentials do not belong into an address, use 'username' "
      "and 'password_file' (want an address, for example 'https://registry.example:5000')");
}

TEST(LoadConfig, shows_at_most_twenty_problems) {
  std::string file = "[server]\n";
  for (int i = 0; i < 25; ++i) file.append("zz").append(std::to_string(i)).append(" = 1\n");
  const std::string error = error_of(sources_of(file));
  EXPECT_EQ(std::ranges::count(error, '\n'), 20);
  EXPECT_TRUE(error.ends_with("and 5 more"));
}

TEST(LoadConfig, accepts_addresses_of_all_shapes) {
  struct Row {
    const char* name;
    const char* given;
    const char* listen;  ///< null: refused
  };
  const Row rows[] = {
      {"all", ":5000", ":5000"},
      {"a free port", "127.0.0.1:0", "127.0.0.1:0"},
      {"IPv6", "[::1]:5000", "[::1]:5000"},
      {"all of IPv6", "[::]:443", "[::]:443"},
      {"localhost", "localhost:5000", "127.0.0.1:5000"},
      {"no port", "127.0.0.1", nullptr},
      {"an empty port", "127.0.0.1:", nullptr},
      {"a large port", ":65536", nullptr},
      {"a port with more", ":5000x", nullptr},
      {"a name", "registry.example:5000", nullptr},
      {"IPv6 without brackets", "::1:5000", nullptr},
      {"nothing", "", nullptr},
  };
  for (const Row& row : rows) {
    const auto result = load_config(sources_of("", {{"LIFEBOAT_SERVER_LISTEN", row.given}}));
    EXPECT_EQ(result.has_value(), row.listen != nullptr) << row.name;
    EXPECT_EQ(result ? result->config.server.listen : "", row.listen != nullptr ? row.listen : "") << row.name;
  }
}

TEST(RestartNeeded, names_what_a_reload_does_not_apply) {
  const Config old = loaded(sources_of("")).config;
  EXPECT_TRUE(restart_needed(old, old).empty());
  const Config fresh = loaded(sources_of("[server]\nlisten = \":1\"\nthreads = 3\ndefault_host = \"quay.io\"\n"
                                         "[storage]\nroot = \"/srv\"\n[log]\nlevel = \"debug\"\n"
                                         "[[upstream]]\nhost = \"a.example\"\n"))
                           .config;
  EXPECT_EQ(restart_needed(old, fresh), (std::vector<std::string>{"server.listen", "server.threads", "storage.root"}));
  const Config probed = loaded(sources_of("[[probe]]\ntarget = \"self\"\n")).config;
  EXPECT_TRUE(restart_needed(old, probed).empty());
}

TEST(LoadConfig, knows_what_is_kept_of_which_repositories) {
  const LoadedConfig config =
      loaded(sources_of("[[retention]]\nmatch = [\"team/*\"]\nkeep_last = 3\nkeep_pulled_within = \"30d\"\n"
                        "[[retention]]\nmatch = [\"*\"]\ndelete_untagged_after = \"7d\"\n"));
  ASSERT_EQ(config.config.retention.size(), 2U);
  ASSERT_EQ(config.origins.retention.size(), 2U);
  const auto& retention = config.config.retention;
  EXPECT_EQ(retention[0].match, std::vector<std::string>{"team/*"});
  EXPECT_EQ(retention[0].keep_last, 3U);
  EXPECT_EQ(retention[0].keep_pulled_within, std::chrono::days(30));
  EXPECT_EQ(retention[0].delete_untagged_after, std::nullopt);
  EXPECT_EQ(retention[1].keep_last, 0U);
  EXPECT_EQ(retention[1].delete_untagged_after, std::chrono::days(7));
  EXPECT_EQ(restart_needed(loaded(sources_of("")).config, config.config), (std::vector<std::string>{"retention"}));
  const auto arm = loaded(sources_of("[[retention]]\nmatch = [\"*\"]\nkeep_platforms = [\"linux/arm64/v8\"]\n"));
  EXPECT_EQ(arm.config.retention.at(0).keep_platforms, std::vector<std::string>{"linux/arm64"});
  const struct {
    const char* setting;
    const char* why;
  } wrong[] = {
      {"keep_platforms = [\"arm64\"]", "cannot set 'retention.keep_platforms': cannot read platform 'arm64'"},
      {"delete_untagged_after = \"59m\"", "too small, the least is 1h"},
      {"delete_untagged_after = \"0s\"", "too small, the least is 1h"},
  };
  for (const auto& row : wrong) {
    const auto refused = load_config(sources_of(std::string("[[retention]]\nmatch = [\"*\"]\n") + row.setting + "\n"));
    ASSERT_FALSE(refused) << row.setting;
    EXPECT_NE(refused.error().message().find(row.why), std::string::npos) << refused.error().message();
  }
  const auto refused = load_config(sources_of("[[retention]]\nkeep_last = 3\n"));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("it has no 'match'"), std::string::npos) << refused.error().message();
}

TEST(LoadConfig, knows_registries_to_probe) {
  const ConfigSources sources = sources_of(
      "[[probe]]\ntarget = \"self\"\ntags = [\"v*\"]\n"
      "[[probe]]\ntarget = \"https://Backup.example/a/\"\ncompare_with = \"self\"\n",
      {{"LIFEBOAT_PROBE_1_EVERY", "1h"}, {"LIFEBOAT_PROBE_2_TARGET", "http://127.0.0.1:5000"}});
  const LoadedConfig config = loaded(sources);
  ASSERT_EQ(config.config.probes.size(), 3U);
  ASSERT_EQ(config.origins.probes.size(), 3U);
  const auto& probes = config.config.probes;
  EXPECT_EQ(probes[0].name, "self");
  EXPECT_EQ(probes[0].every, std::chrono::minutes(15));
  EXPECT_EQ(probes[0].tags, std::vector<std::string>{"v*"});
  EXPECT_EQ(probes[1].name, "backup.example/a");
  EXPECT_EQ(probes[1].every, std::chrono::hours(1));
  EXPECT_EQ(probes[2].name, "127.0.0.1:5000");
}

}  // namespace
}  // namespace lifeboat::server
