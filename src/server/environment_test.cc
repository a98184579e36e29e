#include "server/environment.h"

#include <gtest/gtest.h>

#include "server/load.h"
#include "server/settings.h"

namespace lifeboat::server {
namespace {

Result<LoadedConfig> load(Environment environment, std::string file = "") {
  environment.emplace_back("HOME", "/home/someone");
  ConfigSources sources;
  sources.file_text = std::move(file);
  sources.environment = std::move(environment);
  return load_config(sources);
}

std::string error_of(Environment environment, std::string file = "") {
  const auto result = load(std::move(environment), std::move(file));
  return result ? "no error" : result.error().message();
}

TEST(Environment, has_a_variable_for_every_setting) {
  for (const Setting& setting : settings()) {
    Problems problems;
    std::vector<std::string> warnings;
    const std::string name = variable_of(setting, {.upstream = 3, .entry = 12});
    const auto found = parse_environment({{name, "x"}}, problems, warnings);
    ASSERT_EQ(found.size(), 1U) << name;
    EXPECT_EQ(found[0].section, setting.section) << name;
    EXPECT_EQ(found[0].key, setting.key) << name;
    EXPECT_EQ(found[0].value.text, "x") << name;
    const bool is_of_list = is_process_list(setting.section);
    EXPECT_EQ(found[0].index.upstream, setting.is_of_process() || is_of_list ? 0U : 3U) << name;
    EXPECT_EQ(found[0].index.entry, find_upstream_list(setting.section) != nullptr || is_of_list ? 12U : 0U) << name;
    EXPECT_TRUE(problems.empty()) << name;
  }
}

TEST(Environment, changes_and_adds_upstreams_by_number) {
  const auto result = load(
      {
          {"LIFEBOAT_UPSTREAM_1_ENDPOINTS_1_URL", "https://second.example"},
          {"LIFEBOAT_UPSTREAM_1_ENDPOINTS_0_URL", "https://first.example"},
          {"LIFEBOAT_UPSTREAM_1_HOST", "a.example"},
          {"LIFEBOAT_UPSTREAM_0_FRESH_FOR", "3s"},
          {"LIFEBOAT_UPSTREAM_0_MAX_STALE", "unlimited"},
      },
      "[[upstream]]\nhost = \"ghcr.io\"\nfresh_for = \"10m\"\nmax_stale = \"1h\"\n");
  ASSERT_TRUE(result.has_value()) << result.error().message();
  const auto& upstreams = result->config.upstreams;
  EXPECT_EQ(upstreams.at(0).host, "ghcr.io");
  EXPECT_EQ(upstreams.at(0).fresh_for, std::chrono::seconds(3));
  EXPECT_EQ(upstreams.at(0).max_stale, std::nullopt);
  EXPECT_EQ(upstreams.at(1).host, "a.example");
  ASSERT_EQ(upstreams.at(1).endpoints.size(), 2U);
  EXPECT_EQ(upstreams.at(1).endpoints[0].url, "https://first.example");
  EXPECT_EQ(upstreams.at(1).endpoints[1].url, "https://second.example");
}

TEST(Environment, changes_and_adds_rules_by_number) {
  const auto result = load(
      {
          {"LIFEBOAT_UPSTREAM_0_RULES_1_MATCH", "team/*"},
          {"LIFEBOAT_UPSTREAM_0_RULES_1_MAX_STALE", "unlimited"},
          {"LIFEBOAT_UPSTREAM_0_RULES_0_FRESH_FOR", "3s"},
          {"LIFEBOAT_UPSTREAM_0_ENDPOINTS_0_URL", "https://first.example"},
      },
      "[[upstream]]\nhost = \"ghcr.io\"\nrules = [{ match = \"org/*\", fresh_for = \"10m\", on_gone = \"drop\" }]\n");
  ASSERT_TRUE(result.has_value()) << result.error().message();
  const UpstreamConfig& upstream = result->config.upstreams.at(0);
  ASSERT_EQ(upstream.rules.size(), 2U);
  EXPECT_EQ(upstream.rules[0].match, "org/*");
  EXPECT_EQ(upstream.rules[0].fresh_for.value, std::chrono::seconds(3));
  EXPECT_EQ(upstream.rules[0].on_gone.value, OnGone::drop);
  EXPECT_EQ(upstream.rules[1].match, "team/*");
  ASSERT_TRUE(upstream.rules[1].max_stale.value.has_value()) << "unlimited is not the same as left out";
  EXPECT_EQ(*upstream.rules[1].max_stale.value, std::nullopt);
  ASSERT_EQ(upstream.endpoints.size(), 1U);
  EXPECT_EQ(upstream.endpoints[0].url, "https://first.example");
}

TEST(Environment, has_lists_with_commas) {
  const auto result =
      load({{"LIFEBOAT_UPSTREAM_0_HOST", "*"}, {"LIFEBOAT_UPSTREAM_0_ALLOW", "*.example.com, quay.io"}});
  ASSERT_TRUE(result.has_value()) << result.error().message();
  ASSERT_TRUE(result->config.any_upstream.has_value());
  EXPECT_EQ(result->config.any_upstream->allow, (std::vector<std::string>{"*.example.com", "quay.io"}));
}

TEST(Environment, takes_flags_and_numbers_as_text) {
  const auto result = load({{"LIFEBOAT_STORAGE_DELETE_ENABLED", "false"}, {"LIFEBOAT_SERVER_THREADS", "4"}});
  ASSERT_TRUE(result.has_value()) << result.error().message();
  EXPECT_FALSE(result->config.storage.delete_enabled);
  EXPECT_EQ(result->config.server.threads, 4U);
}

TEST(Environment, says_what_is_wrong) {
  struct Row {
    const char* name;
    const char* variable;
    const char* value;
    const char* error;
  };
  const Row rows[] = {
      {"unknown key", "LIFEBOAT_SERVER_LISEN", ":1",
       "environment variable LIFEBOAT_SERVER_LISEN: there is no such setting (did you mean 'LIFEBOAT_SERVER_LISTEN'?)"},
      {"unknown key of an upstream", "LIFEBOAT_UPSTREAM_2_FRESHFOR", "1s",
       "environment variable LIFEBOAT_UPSTREAM_2_FRESHFOR: there is no such setting (did you mean "
       "'LIFEBOAT_UPSTREAM_2_FRESH_FOR'?)"},
      {"unknown key of a rule", "LIFEBOAT_UPSTREAM_2_RULES_1_FRESHFOR", "1s",
       "environment variable LIFEBOAT_UPSTREAM_2_RULES_1_FRESHFOR: there is no such setting (did you mean "
       "'LIFEBOAT_UPSTREAM_2_RULES_1_FRESH_FOR'?)"},
      {"bad value", "LIFEBOAT_SERVER_GRACE", "soon",
       "environment variable LIFEBOAT_SERVER_GRACE: cannot set 'server.grace': not a duration (got 'soon', want a "
       "duration in quotes, for example '1500ms', '30s' or '10m')"},
      {"a gap", "LIFEBOAT_UPSTREAM_1_HOST", "a.example",
       "environment variable LIFEBOAT_UPSTREAM_1_HOST: cannot set number 1 of a list: number 0 is not there (want "
       "numbers "
       "without a gap, from 0)"},
      {"a huge number", "LIFEBOAT_UPSTREAM_18446744073709551615_HOST", "a.example",
       "environment variable LIFEBOAT_UPSTREAM_18446744073709551615_HOST: cannot set number 18446744073709551615 of a "
       "list: number 0 is not there (want numbers without a gap, from 0)"},
      {"a secret", "LIFEBOAT_UPSTREAM_0_PASSWORD", "hunter2",
       "environment variable LIFEBOAT_UPSTREAM_0_PASSWORD: cannot set 'upstream.password': a secret does not belong "
       "here "
       "(want 'password_file', the path of a file that holds it)\n"
       "environment variable LIFEBOAT_UPSTREAM_0_PASSWORD: cannot use an upstream: it has no 'host' (want for example "
       "'ghcr.io')"},
  };
  for (const Row& row : rows) EXPECT_EQ(error_of({{row.variable, row.value}}), row.error) << row.name;
}

TEST(Environment, leaves_alone_what_is_not_ours) {
  const auto result = load({
      {"LIFEBOAT_DATA", "/data"},
      {"LIFEBOAT_PORT", "tcp://10.0.0.1:5000"},
      {"LIFEBOAT_SERVER_SERVICE_HOST", "10.0.0.1"},
      {"LIFEBOAT_SERVER_SERVICE_PORT", "5000"},
      {"LIFEBOAT_SERVER_SERVICE_PORT_HTTP", "5000"},
      {"LIFEBOAT_SERVER_PORT", "tcp://10.0.0.1:5000"},
      {"LIFEBOAT_METRICS_PORT_9090_TCP", "tcp://10.0.0.1:9090"},
      {"LIFEBOAT_METRICS_PORT_9090_TCP_ADDR", "10.0.0.1"},
      {"LIFEBOAT_UPSTREAM_0_PORT_5000_TCP_PROTO", "tcp"},
      {"XLIFEBOAT_SERVER_LISTEN", ":1"},
  });
  ASSERT_TRUE(result.has_value()) << result.error().message();
  EXPECT_TRUE(result->warnings.empty());
  EXPECT_EQ(result->config.server.listen, ":5000");
}

TEST(Environment, warns_of_what_looks_mistyped) {
  const auto result = load({{"LIFEBOAT_SEVER_LISTEN", ":1"}});
  ASSERT_TRUE(result.has_value()) << result.error().message();
  EXPECT_EQ(result->warnings,
            std::vector<std::string>{"environment variable LIFEBOAT_SEVER_LISTEN means nothing (did you "
                                     "mean 'LIFEBOAT_SERVER_LISTEN'?)"});
}

}  // namespace
}  // namespace lifeboat::server
