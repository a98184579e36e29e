#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "cli/command.h"
#include "cli/manuals.h"

namespace lifeboat::cli {
namespace {

/// A process that keeps what it is told.
struct TestProcess {
  std::string out, err;
  std::vector<server::Config> served;
  std::vector<Result<server::Config>> reloaded;
  Process process;

  explicit TestProcess(server::Environment environment = {{"HOME", "/home/someone"}}) {
    process.environment = std::move(environment);
    process.out = [this](std::string_view text) { out.append(text); };
    process.err = [this](std::string_view text) { err.append(text); };
    process.serve = [this](const server::Config& config, const server::ReloadConfig& reload,
                           const std::vector<std::string>&) {
      served.push_back(config);
      reloaded.push_back(reload());
      return 0;
    };
  }
  TestProcess(const TestProcess&) = delete;
  TestProcess& operator=(const TestProcess&) = delete;

  int run(const std::vector<std::string>& arguments) { return dispatch(arguments, process); }
};

/// A configuration in a folder of its own, gone at the end.
class ConfigFile {
 public:
  explicit ConfigFile(std::string_view text) {
    std::string folder = std::filesystem::temp_directory_path() / "lifeboat-cli-XXXXXX";
    EXPECT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    write(text);
  }
  ~ConfigFile() { std::filesystem::remove_all(folder_); }
  ConfigFile(const ConfigFile&) = delete;
  ConfigFile& operator=(const ConfigFile&) = delete;

  void write(std::string_view text) const { std::ofstream(path()) << text; }
  std::string path() const { return folder_ / "lifeboat.toml"; }
  std::filesystem::path folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
};

TEST(Cli, exits_with_the_code_that_the_manual_says) {
  const ConfigFile good("[server]\nlisten = \":0\"\n");
  const ConfigFile bad("[server]\nlisen = \":0\"\n");
  const ConfigFile blind("[server]\ntls_certificate = \"/nowhere/a.pem\"\ntls_key = \"/nowhere/b.pem\"\n");
  const ConfigFile home("[storage]\nroot = \"/nowhere\"\n");
  struct Row {
    const char* name;
    std::vector<std::string> arguments;
    int code;
    std::string err;  ///< how standard error begins
  };
  const Row rows[] = {
      {"nothing", {}, 2, "lifeboat: a registry"},
      {"help", {"help"}, 0, ""},
      {"help as a flag", {"--help"}, 0, ""},
      {"help of a command", {"help", "serve"}, 0, ""},
      {"help of no command", {"help", "srve"}, 2, "lifeboat: unknown command 'srve' (did you mean 'serve'?)"},
      {"a misspelt command", {"confg"}, 2, "lifeboat: unknown command 'confg' (did you mean 'config'?)"},
      {"no command at all", {"zebra"}, 2, "lifeboat: unknown command 'zebra'\nTry 'lifeboat --help'."},
      {"version", {"version"}, 0, ""},
      {"version as a flag", {"--version"}, 0, ""},
      {"an unknown format", {"version", "-o", "yaml"}, 2, "lifeboat version: "},
      {"a misspelt flag",
       {"serve", "--lisen=:1"},
       2,
       "lifeboat serve: unknown argument '--lisen' (did you mean '--listen'?)\nTry 'lifeboat serve --help'."},
      {"a flag without its value", {"serve", "--listen"}, 2, "lifeboat serve: '--listen' needs a value"},
      {"too much", {"serve", "zebra"}, 2, "lifeboat serve: unknown argument 'zebra'"},
      {"serve with help", {"serve", "--help"}, 0, ""},
      {"serve with help and a mistake", {"serve", "--listen", "--help"}, 0, ""},
      {"serve", {"serve", "--config", good.path()}, 0, ""},
      {"serve with a bad address", {"serve", "--listen", "x"}, 2, "--listen: cannot set 'server.listen'"},
      {"serve with a bad file", {"serve", "--config", bad.path()}, 2, bad.path() + ":2: unknown key 'lisen'"},
      {"serve without its file",
       {"serve", "--config", "/nowhere/a.toml"},
       3,
       "cannot read configuration '/nowhere/a.toml': No such file or directory"},
      {"serve with a folder for a file", {"serve", "--config", good.folder()}, 3, "cannot read configuration '"},
      {"status with help", {"status", "--help"}, 0, ""},
      {"status of no server", {"status", "--data", "/nowhere"}, 3, "no server runs on '/nowhere' (there is no "},
      {"status of a server named by the file",
       {"status", "--config", home.path()},
       3,
       "no server runs on '/nowhere' ("},
      {"status with --data reads no configuration",
       {"status", "--data", "/no", "--config", bad.path()},
       3,
       "no server"},
      {"status with a bad file", {"status", "--config", bad.path()}, 2, bad.path() + ":2: unknown key 'lisen'"},
      {"status without its file", {"status", "--config", "/nowhere/a.toml"}, 3, "cannot read configuration"},
      {"status in an unknown format", {"status", "-o", "yaml"}, 2, "lifeboat status: "},
      {"status of an upstream", {"status", "--upstream", "x"}, 2, "lifeboat status: unknown argument '--upstream'"},
      {"status of something", {"status", "ghcr.io"}, 2, "lifeboat status: unknown argument 'ghcr.io'"},
      {"explain of nothing", {"explain"}, 2, "lifeboat explain: a reference is missing"},
      {"explain of two", {"explain", "a", "b"}, 2, "lifeboat explain: one reference at a time"},
      {"explain of what is no name", {"explain", "A"}, 2, "lifeboat explain: cannot parse reference 'A': its name is"},
      {"explain of no server", {"explain", "a", "--data", "/nowhere"}, 3, "no server runs on '/nowhere' ("},
      {"explain with a misspelt flag", {"explain", "a", "--dat", "/x"}, 2, "lifeboat explain: "},
      {"prefetch of nothing", {"prefetch"}, 2, "lifeboat prefetch: a reference is missing"},
      {"prefetch of what is no name", {"prefetch", "a", "B"}, 2, "lifeboat prefetch: cannot parse reference 'B'"},
      {"prefetch for no platform",
       {"prefetch", "a", "--platform", "arm64"},
       2,
       "lifeboat prefetch: cannot read platform 'arm64'"},
      {"copy of nothing", {"copy"}, 2, "lifeboat copy: want SRC and at least one DST"},
      {"copy to nowhere", {"copy", "a"}, 2, "lifeboat copy: want SRC and at least one DST"},
      {"copy of an archive", {"copy", "docker-archive:a.tar", "b"}, 2, "lifeboat copy: cannot read 'docker-archive:"},
      {"copy to a digest",
       {"copy", "a", "b@sha256:" + std::string(64, 'a')},
       2,
       "lifeboat copy: cannot read 'b@sha256:"},
      {"copy by no jobs",
       {"copy", "a", "b", "--concurrency", "65"},
       2,
       "lifeboat copy: '--concurrency' wants a number"},
      {"copy by no pace", {"copy", "a", "b", "--bandwidth", "10"}, 2, "lifeboat copy: '--bandwidth' wants bytes"},
      {"copy that tells a password around",
       {"copy", "a.example/a", "b.example/b", "--username", "ci", "--password-file", "f"},
       2,
       "lifeboat copy: '--username' is for one registry"},
      {"verify of nothing", {"verify"}, 2, "lifeboat verify: a reference is missing"},
      {"verify of what is no name", {"verify", "a:b:c d"}, 2, "lifeboat verify: cannot parse reference"},
      {"verify by no jobs", {"verify", "a", "--jobs", "0"}, 2, "lifeboat verify: '--jobs' wants a number from 1"},
      {"verify for no platform", {"verify", "a", "--platform", "arm64"}, 2, "lifeboat verify: cannot read platform"},
      {"verify with half a login", {"verify", "a", "--username", "ci"}, 2, "lifeboat verify: '--username' and"},
      {"verify that tells a password around",
       {"verify", "a.example/a", "b.example/b", "--username", "ci", "--password-file", "f"},
       2,
       "lifeboat verify: '--username' is for one registry"},
      {"prefetch with no server",
       {"prefetch", "a", "--no-wait", "--platform", "all", "--data", "/nowhere"},
       3,
       "no server runs on '/nowhere' ("},
      {"prune with no server", {"prune", "--dry-run", "--data", "/nowhere"}, 3, "no server runs on '/nowhere' ("},
      {"prune of something", {"prune", "team/app"}, 2, "lifeboat prune: unknown argument 'team/app'"},
      {"tag of nothing", {"tag"}, 2, "lifeboat tag: want history, restore, pin, unpin or pins"},
      {"tag of a misspelt action", {"tag", "hstory", "a"}, 2, "lifeboat tag: want history"},
      {"history of nothing", {"tag", "history"}, 2, "lifeboat tag: a reference is missing"},
      {"history of two", {"tag", "history", "a", "b"}, 2, "lifeboat tag: one reference at a time"},
      {"history of what is no name", {"tag", "history", "A"}, 2, "lifeboat tag: cannot parse reference 'A'"},
      {"history with no server", {"tag", "history", "a", "--data", "/nowhere"}, 3, "no server runs on '/nowhere' ("},
      {"restore of no tag", {"tag", "restore", "team/app"}, 2, "lifeboat tag: 'team/app' names no tag alone"},
      {"restore of no tag, of a host with a port",
       {"tag", "restore", "localhost:5000/app"},
       2,
       "lifeboat tag: 'localhost:5000/app' names no tag alone"},
      {"restore to no digest", {"tag", "restore", "a:b", "--to", "abc"}, 2, "lifeboat tag: cannot parse digest 'abc'"},
      {"restore to no number", {"tag", "restore", "a:b", "--number", "0"}, 2, "lifeboat tag: '0' is no number"},
      {"restore to two",
       {"tag", "restore", "a:b", "--number", "1", "--to", "x"},
       2,
       "lifeboat tag: --to or --number, not both"},
      {"pin of no tag", {"tag", "pin", "team/app"}, 2, "lifeboat tag: 'team/app' names neither a tag nor a digest"},
      {"pin with another's option",
       {"tag", "pin", "a:b", "--dry-run"},
       2,
       "lifeboat tag: --to, --number and --dry-run"},
      {"unpin with a reason", {"tag", "unpin", "a:b", "--reason", "x"}, 2, "lifeboat tag: --reason is for pin"},
      {"pins of something", {"tag", "pins", "a:b"}, 2, "lifeboat tag: 'pins' takes no reference"},
      {"pins with no server", {"tag", "pins", "--data", "/nowhere"}, 3, "no server runs on '/nowhere' ("},
      {"check", {"config", "check", "--config", good.path()}, 0, ""},
      {"check without a file", {"config", "check"}, 0, ""},
      {"check finds a mistake", {"config", "check", "--config", bad.path()}, 1, bad.path() + ":2: unknown key 'lisen'"},
      {"check finds a file missing",
       {"config", "check", "--config", blind.path()},
       1,
       "cannot read 'server.tls_certificate' '/nowhere/a.pem': No such file or directory\n"
       "cannot read 'server.tls_key' '/nowhere/b.pem': No such file or directory\n"},
      {"check cannot read", {"config", "check", "--config", "/nowhere/a.toml"}, 3, "cannot read configuration"},
      {"show", {"config", "show", "--config", good.path()}, 0, ""},
      {"show a mistake", {"config", "show", "--config", bad.path()}, 1, bad.path() + ":2: unknown key 'lisen'"},
      {"reference", {"config", "reference"}, 0, ""},
      {"reference takes no file",
       {"config", "reference", "--config", "x"},
       2,
       "lifeboat config: unknown argument '--config'"},
      {"config of nothing", {"config"}, 2, "lifeboat config: an action is missing"},
      {"config of a misspelt action",
       {"config", "chekc"},
       2,
       "lifeboat config: unknown action 'chekc' (did you mean 'check'?)"},
      {"config with help", {"config", "--help"}, 0, ""},
      {"config check with help", {"config", "check", "-h"}, 0, ""},
  };
  for (const Row& row : rows) {
    TestProcess test;
    EXPECT_EQ(test.run(row.arguments), row.code) << row.name << "\n" << test.err;
    EXPECT_TRUE(test.err.starts_with(row.err)) << row.name << "\n" << test.err;
    EXPECT_EQ(test.err.empty(), row.code == kFine) << row.name << "\n" << test.err;
    EXPECT_EQ(test.served.empty(), std::string_view(row.name) != "serve") << row.name;
  }
}

TEST(Cli, prints_each_manual_with_examples_and_exit_codes) {
  for (const Command& command : commands()) {
    TestProcess test;
    EXPECT_EQ(test.run({std::string(command.name), "--help"}), kFine);
    EXPECT_TRUE(test.out.starts_with("lifeboat " + std::string(command.name) + ": ")) << test.out;
    EXPECT_NE(test.out.find("\nExamples:\n\n  lifeboat "), std::string::npos) << test.out;
    EXPECT_NE(test.out.find("\nExit codes:\n\n  0  "), std::string::npos) << test.out;
    EXPECT_EQ(test.out.find('`'), std::string::npos) << test.out;
    TestProcess help;
    EXPECT_EQ(help.run({"help", std::string(command.name)}), kFine);
    EXPECT_EQ(help.out, test.out);
  }
}

TEST(Cli, lists_every_command) {
  TestProcess test;
  EXPECT_EQ(test.run({"help"}), kFine);
  for (const Command& command : commands()) {
    EXPECT_NE(test.out.find("\n  " + std::string(command.name) + " "), std::string::npos) << test.out;
  }
}

TEST(Manual, reads_as_plain_text) {
  EXPECT_EQ(plain_text("# a `b`\n\n```\n$ c `d`\n\n```\n## e\nf"), "a b\n\n  $ c `d`\n\ne:\nf\n");
  EXPECT_EQ(plain_text(""), "");
  EXPECT_EQ(plain_text("#"), "\n");
}

TEST(Serve, gathers_flags_environment_and_file) {
  const ConfigFile file("[server]\nlisten = \":1\"\ngrace = \"1s\"\n");
  TestProcess test(server::Environment{{"LIFEBOAT_CONFIG", file.path()}, {"LIFEBOAT_LOG_FORMAT", "json"}});
  EXPECT_EQ(test.run({"serve", "--listen", ":2", "--data=/srv/x", "--upstream", "https://a.example", "--upstream",
                      "ghcr.io=https://b.example", "--upstream", "https://c.example"}),
            kFine)
      << test.err;
  ASSERT_EQ(test.served.size(), 1U);
  const server::Config& config = test.served[0];
  EXPECT_EQ(config.server.listen, ":2");
  EXPECT_EQ(config.server.grace, std::chrono::seconds(1));
  EXPECT_EQ(config.storage.root, "/srv/x");
  EXPECT_EQ(config.log.format, LogFormat::json);
  ASSERT_TRUE(config.default_upstream.has_value());
  EXPECT_EQ(config.default_upstream->endpoints.size(), 2U);
  EXPECT_EQ(config.upstreams.at(0).host, "ghcr.io");
  ASSERT_TRUE(test.reloaded[0].has_value());
  EXPECT_EQ(*test.reloaded[0], config);
}

TEST(Serve, reads_the_file_again_when_asked) {
  const ConfigFile file("[server]\ngrace = \"1s\"\n");
  TestProcess test;
  test.process.serve = [&](const server::Config&, const server::ReloadConfig& reload, const std::vector<std::string>&) {
    file.write("[server]\ngrace = \"2s\"\n");
    test.reloaded.push_back(reload());
    file.write("[server]\ngrace = 2\n");
    test.reloaded.push_back(reload());
    return 0;
  };
  EXPECT_EQ(test.run({"serve", "--config", file.path()}), kFine);
  ASSERT_TRUE(test.reloaded.at(0).has_value());
  EXPECT_EQ(test.reloaded[0]->server.grace, std::chrono::seconds(2));
  ASSERT_FALSE(test.reloaded.at(1).has_value());
  EXPECT_EQ(test.reloaded[1].error().code(), ErrorCode::invalid);
}

TEST(Status, finds_the_data_directory_as_serve_does) {
  const struct {
    std::string name;
    server::Environment environment;
    std::string directory;
  } rows[] = {
      {"default of a user", {{"HOME", "/home/no one"}}, "/home/no one/.local/share/lifeboat"},
      {"environment", {{"HOME", "/h"}, {"LIFEBOAT_STORAGE_ROOT", "/nowhere/e"}}, "/nowhere/e"},
  };
  for (const auto& row : rows) {
    TestProcess test(row.environment);
    EXPECT_EQ(test.run({"status"}), kCouldNotFindOut) << row.name;
    EXPECT_TRUE(test.err.starts_with("no server runs on '" + row.directory + "' (")) << row.name << ": " << test.err;
  }
}

TEST(ConfigCheck, reports_as_json) {
  const ConfigFile file("[server]\nlisen = \":0\"\n");
  TestProcess test;
  EXPECT_EQ(test.run({"config", "check", "-o", "json", "--config", file.path()}), kFoundWrong);
  EXPECT_EQ(test.out, "{\"problems\":[\"" + file.path() +
                          ":2: unknown key 'lisen' in [server] (did you mean 'listen'?)\"],\"warnings\":[]}\n");
  TestProcess warned(server::Environment{{"HOME", "/h"}, {"LIFEBOAT_SEVER_LISTEN", ":1"}});
  EXPECT_EQ(warned.run({"config", "check", "--output=json"}), kFine);
  EXPECT_EQ(warned.out,
            "{\"problems\":[],\"warnings\":[\"environment variable LIFEBOAT_SEVER_LISTEN means nothing (did you mean "
            "'LIFEBOAT_SERVER_LISTEN'?)\"]}\n");
}

TEST(Version, reports_as_json) {
  TestProcess test;
  EXPECT_EQ(test.run({"version", "-o", "json"}), kFine);
  EXPECT_TRUE(test.out.starts_with("{\"version\":\"")) << test.out;
  TestProcess plain;
  EXPECT_EQ(plain.run({"version"}), kFine);
  EXPECT_TRUE(plain.out.starts_with("lifeboat ")) << plain.out;
}

}  // namespace
}  // namespace lifeboat::cli
