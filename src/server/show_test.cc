#include "server/show.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace lifeboat::server {
namespace {

constexpr const char* kFile = R"([server]
listen = "[::1]:5000"
body_rate_min = "0B"

[storage]
root = "/srv/a \"quoted\" \\ folder"

[log]
access = "all"

[[upstream]]
host = "default"
endpoints = [{ url = "https://mirror.example/docker.io" }]

[[upstream]]
host = "ghcr.io"
max_stale = "7d"
endpoints = [
  { url = "https://ghcr.io", username = "robot", password_file = "/run/secret" },
  { url = "http://127.0.0.1:5001", skip_verify = true },
]
rules = [
  { match = "org/*:latest", fresh_for = "10s" },
  { match = "org/*", max_stale = "unlimited", on_gone = "drop" },
]

[[upstream]]
host = "*"
allow = ["*.example.com", "quay.io"]
endpoints = [{ url = "https://harbor.example", rewrite = "cache/{host}/*" }]
)";

LoadedConfig load(std::optional<std::string> file) {
  ConfigSources sources;
  sources.file_text = std::move(file);
  sources.environment = {{"LIFEBOAT_LOG_LEVEL", "debug"}, {"LIFEBOAT_UPSTREAM_1_FRESH_FOR", "5s"}};
  sources.flags.data = "/flag";
  sources.is_root = true;
  auto result = load_config(sources);
  if (!result) {
    ADD_FAILURE() << result.error().message();
    return {};
  }
  return std::move(*result);
}

Config load_alone(std::string file) {
  ConfigSources sources;
  sources.file_text = std::move(file);
  auto result = load_config(sources);
  if (!result) {
    ADD_FAILURE() << result.error().message();
    return {};
  }
  return std::move(result->config);
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(ConfigShow, says_where_each_value_came_from) {
  const std::string text = render_toml(load(kFile));
  for (const char* line : {
           "listen = \"[::1]:5000\"  # lifeboat.toml:2",
           "grace = \"30s\"  # default",
           "# default_host = \"docker.io\"  # default",
           "root = \"/flag\"  # flag --data",
           "level = \"debug\"  # environment LIFEBOAT_LOG_LEVEL",
           "fresh_for = \"5s\"  # environment LIFEBOAT_UPSTREAM_1_FRESH_FOR",
           "host = \"ghcr.io\"  # lifeboat.toml:16",
           "host = \"quay.io\"  # default",
           "  url = \"https://quay.io\"  # default",
           "  password_file = \"/run/secret\"  # lifeboat.toml:19",
           "  [[upstream.rules]]",
           "  match = \"org/*:latest\"  # lifeboat.toml:23",
           "  fresh_for = \"10s\"  # lifeboat.toml:23",
           "  max_stale = \"unlimited\"  # lifeboat.toml:24",
           "allow = [\"*.example.com\", \"quay.io\"]  # lifeboat.toml:29",
           "allow = []  # default",
           "  rewrite = \"cache/{host}/*\"  # lifeboat.toml:30",
       }) {
    EXPECT_TRUE(has_line(text, line)) << line << "\nin:\n" << text;
  }
}

TEST(ConfigShow, prints_a_file_that_means_the_same) {
  ConfigSources sources;
  sources.file_text = kFile;
  const auto original = load_config(sources);
  ASSERT_TRUE(original.has_value());
  EXPECT_EQ(load_alone(render_toml(*original)), original->config);
  EXPECT_EQ(original->config.storage.root, R"(/srv/a "quoted" \ folder)");

  sources.file_text =
      "[server]\ndefault_host = \"quay.io\"\nbuiltin_upstreams = false\n[[upstream]]\nhost = \"quay.io\"\n";
  sources.is_root = true;
  const auto other = load_config(sources);
  ASSERT_TRUE(other.has_value());
  EXPECT_EQ(load_alone(render_toml(*other)), other->config);
}

TEST(ConfigShow, prints_json_for_programs) {
  const auto json = nlohmann::json::parse(render_json(load(kFile)), nullptr, false);
  ASSERT_FALSE(json.is_discarded());
  EXPECT_EQ(json["server"]["listen"]["value"], "[::1]:5000");
  EXPECT_EQ(json["server"]["listen"]["from"], "lifeboat.toml:2");
  EXPECT_EQ(json["server"]["threads"]["value"], 0);
  EXPECT_EQ(json["storage"]["delete_enabled"]["value"], true);
  EXPECT_EQ(json["upstream"][0]["host"]["value"], "default");
  EXPECT_EQ(json["upstream"][1]["allow"]["value"], nlohmann::json({"*.example.com", "quay.io"}));
  EXPECT_EQ(json["upstream"][2]["endpoints"][1]["url"]["value"], "http://127.0.0.1:5001");
  EXPECT_EQ(json["upstream"][2]["rules"][0]["match"]["value"], "org/*:latest");
  EXPECT_EQ(json["upstream"][2]["rules"][1]["on_gone"]["value"], "drop");
  EXPECT_FALSE(json["upstream"][2]["rules"][1].contains("fresh_for")) << "what a rule leaves out is the upstream's";
  EXPECT_EQ(json["upstream"][3]["rules"].size(), 0U);
  EXPECT_EQ(json["upstream"].size(), 9U);
}

TEST(ConfigShow, does_so_without_a_file_too) {
  const std::string text = render_toml(load("[[upstream]]\nhost=\"a.example\"\n[[upstream]]\nhost=\"b.example\"\n"));
  EXPECT_TRUE(has_line(text, "listen = \":5000\"  # default")) << text;
}

}  // namespace
}  // namespace lifeboat::server
