#include "http/status_report.h"

#include <gtest/gtest.h>

namespace lifeboat::http {
namespace {

StatusReport full_report() {
  return {.version = "1.2.3",
          .uptime = std::chrono::seconds(93),
          .address = "127.0.0.1:5000",
          .data = "/srv/lifeboat",
          .hosts = {{.host = "ghcr.io",
                     .is_default = false,
                     .endpoints = {{.name = "ghcr.io",
                                    .state = BreakerState::open,
                                    .reason = "refused",
                                    .probe_in = std::chrono::seconds(12),
                                    .limited_for = std::chrono::seconds(7),
                                    .login = "works"},
                                   {.name = "mirror.example:5000/a", .state = BreakerState::half_open}},
                     .is_frozen = true},
                    {.host = "docker.io", .is_default = true, .endpoints = {{.name = "registry-1.docker.io"}}}},
          .fetches = 2,
          .captures = {.running = 1, .waiting = 2, .failing = 3, .worst = "a@b", .worst_error = "lost"},
          .probes = {{.name = "backup",
                      .target = "backup.example",
                      .is_running = true,
                      .is_accessible = false,
                      .last_run = "2026-01-31T12:00:00.000Z",
                      .repositories = 1,
                      .tags = 2,
                      .broken = 3,
                      .diverging = 4,
                      .first = {"a:1: missing"},
                      .error = "503"},
                     {.name = "self", .target = "self"}},
          .broken = {.pieces = 1, .faults = {{"sha256:cd", "missing", "gone", 2, "nobody has it", 60, {"app:v1"}}}},
          .store = meta::StoreTotals{.repositories = 1, .manifests = 2, .blobs = 3, .blob_bytes = 4'000'000'000}};
}

TEST(StatusReport, is_rendered_as_documented) {
  EXPECT_EQ(
      render_status(full_report()),
      R"({"version":"1.2.3","uptime_s":93,"address":"127.0.0.1:5000","data":"/srv/lifeboat","hosts":[)"
      R"({"host":"ghcr.io","is_default":false,"is_frozen":true,"endpoints":[{"name":"ghcr.io","state":"open",)"
      R"("reason":"refused","probe_in_s":12,"limited_for_s":7,"login":"works"},)"
      R"({"name":"mirror.example:5000/a","state":"half_open"}]},)"
      R"({"host":"docker.io","is_default":true,"is_frozen":false,"endpoints":[{"name":"registry-1.docker.io","state":"closed"}]}],)"
      R"("fetches":{"running":2},"captures":{"running":1,"waiting":2,"failing":3,"worst":{"manifest":"a@b",)"
      R"("error":"lost"}},"probes":[{"name":"backup","target":"backup.example","is_running":true,)"
      R"("is_accessible":false,"repositories":1,"tags":2,"broken":3,"diverging":4,"first":["a:1: missing"],)"
      R"("last_run":"2026-01-31T12:00:00.000Z","error":"503"},{"name":"self","target":"self","is_running":false,)"
      R"("is_accessible":true,"repositories":0,"tags":0,"broken":0,"diverging":0,"first":[]}],)"
      R"("broken":{"pieces":1,"faults":[{"digest":"sha256:cd","kind":"missing","detail":"gone",)"
      R"("tries":2,"last_error":"nobody has it","retry_in_s":60,"breaks":["app:v1"]}]},)"
      R"("store":{"repositories":1,"manifests":2,"blobs":3,"blob_bytes":4000000000}})");
}

TEST(StatusReport, is_read_as_it_was_rendered) {
  StatusReport silent = full_report();
  silent.store = std::unexpected("the disk is gone");
  silent.hosts.clear();
  for (const StatusReport& report : {full_report(), silent}) {
    const auto read = parse_status(render_status(report));
    ASSERT_TRUE(read.has_value()) << read.error().message();
    EXPECT_EQ(render_status(*read), render_status(report));
    EXPECT_EQ(read->hosts, report.hosts);
    EXPECT_EQ(read->captures, report.captures);
    EXPECT_EQ(read->probes, report.probes);
    EXPECT_EQ(read->broken, report.broken);
  }
}

TEST(StatusReport, of_a_newer_server_can_be_read) {
  std::string json = render_status(full_report());
  json.insert(1, R"("mood":"fine",)");
  json.replace(json.find("half_open"), 9, "resting");
  const auto read = parse_status(json);
  ASSERT_TRUE(read.has_value()) << read.error().message();
  EXPECT_EQ(read->hosts.at(0).endpoints.at(1).state, BreakerState::open)
      << "a state that is not known cannot be taken for the one without a fault";
}

TEST(StatusReport, is_not_made_of_other_texts) {
  for (const char* text : {"", "{", "[]", "{}", R"({"version":1})", "null", "<html>"}) {
    const auto read = parse_status(text);
    ASSERT_FALSE(read.has_value()) << text;
    EXPECT_EQ(read.error().code(), ErrorCode::invalid) << text;
    EXPECT_TRUE(read.error().message().starts_with("cannot read status: ")) << read.error().message();
  }
}

}  // namespace
}  // namespace lifeboat::http
