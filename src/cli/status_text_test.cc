#include "cli/status_text.h"

#include <gtest/gtest.h>

#include <sstream>

namespace lifeboat::cli {
namespace {

using http::BreakerState;

http::StatusReport quiet_report() {
  return {.version = "1.2.3",
          .uptime = std::chrono::seconds(273600),
          .address = "127.0.0.1:5000",
          .data = "/var/lib/lifeboat",
          .hosts = {{.host = "docker.io", .is_default = true, .endpoints = {{.name = "registry-1.docker.io"}}},
                    {.host = "ghcr.io", .endpoints = {{.name = "ghcr.io"}, {.name = "mirror.example:5000/ghcr"}}},
                    {.host = "quay.io", .endpoints = {{.name = "quay.io"}}}},
          .fetches = 0,
          .store = meta::StoreTotals{.repositories = 12, .manifests = 340, .blobs = 1, .blob_bytes = 87'295'690'342}};
}

TEST(StatusText, shows_a_server_that_is_fine) {
  EXPECT_EQ(status_text(quiet_report()),
            "server    lifeboat 1.2.3 on 127.0.0.1:5000, up 3d 4h\n"
            "data      /var/lib/lifeboat\n"
            "held      12 repositories, 340 manifests, 1 blob, 81.3 GiB\n"
            "fetching  nothing\n"
            "\n"
            "HOST                 STATE           ENDPOINT\n"
            "docker.io (default)  no known fault  registry-1.docker.io\n"
            "ghcr.io              no known fault  ghcr.io\n"
            "                     no known fault  mirror.example:5000/ghcr\n"
            "quay.io              no known fault  quay.io\n");
  EXPECT_TRUE(is_fine(quiet_report()));
}

TEST(StatusText, names_what_is_broken_and_what_it_breaks) {
  http::StatusReport report = quiet_report();
  report.broken = {.pieces = 3,
                   .faults = {{.digest = "sha256:ab",
                               .kind = "wrong_bytes",
                               .detail = "got sha256:cd",
                               .tries = 2,
                               .last_error = "no such blob",
                               .breaks = {"app:v1"}}}};
  EXPECT_TRUE(
      status_text(report).ends_with("\n3 pieces of what is held are broken:\n"
                                    "sha256:ab\n"
                                    "  was     of the wrong bytes: got sha256:cd\n"
                                    "  breaks  app:v1\n"
                                    "  tried   no such blob\n"
                                    "and 2 more pieces\n"))
      << status_text(report);
  EXPECT_FALSE(is_fine(report));
}

TEST(StatusText, says_what_a_fault_means_for_those_who_pull) {
  http::StatusReport report = quiet_report();
  report.fetches = 2;
  report.hosts[1].endpoints[0].state = BreakerState::open;
  report.hosts[2].endpoints[0].state = BreakerState::half_open;
  EXPECT_EQ(status_text(report),
            "server    lifeboat 1.2.3 on 127.0.0.1:5000, up 3d 4h\n"
            "data      /var/lib/lifeboat\n"
            "held      12 repositories, 340 manifests, 1 blob, 81.3 GiB\n"
            "fetching  2 blobs\n"
            "\n"
            "HOST                 STATE              ENDPOINT\n"
            "docker.io (default)  no known fault     registry-1.docker.io\n"
            "ghcr.io              down               ghcr.io\n"
            "                     no known fault     mirror.example:5000/ghcr\n"
            "quay.io              down (probed now)  quay.io\n"
            "\n"
            "1 of 2 endpoints of ghcr.io is down: the other is asked.\n"
            "quay.io is down: what is held is served, the rest gets 503.\n");
  std::istringstream lines(status_text(report));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
}

TEST(StatusText, is_fine_only_without_any_fault) {
  for (const BreakerState state : {BreakerState::open, BreakerState::half_open}) {
    http::StatusReport report = quiet_report();
    report.hosts[1].endpoints[1].state = state;
    EXPECT_FALSE(is_fine(report)) << to_string(state);
  }
  http::StatusReport silent = quiet_report();
  silent.store = std::unexpected("disk I/O error");
  EXPECT_FALSE(is_fine(silent));
  EXPECT_NE(status_text(silent).find("\nheld      unknown, the store does not answer: disk I/O error\n"),
            std::string::npos);
}

TEST(StatusText, names_numbers_of_endpoints_in_words_that_fit) {
  const struct {
    std::size_t down, all;
    const char* want;
  } rows[] = {
      {1, 3, "\n1 of 3 endpoints of ghcr.io is down: the others are asked.\n"},
      {2, 3, "\n2 of 3 endpoints of ghcr.io are down: the other is asked.\n"},
      {3, 3, "\nghcr.io is down: what is held is served, the rest gets 503.\n"},
  };
  for (const auto& row : rows) {
    http::StatusReport report = quiet_report();
    auto& endpoints = report.hosts[1].endpoints;
    endpoints.assign(row.all, {.name = "a"});
    for (std::size_t i = 0; i < row.down; ++i) endpoints[i].state = BreakerState::open;
    EXPECT_NE(status_text(report).find(row.want), std::string::npos) << status_text(report);
  }
}

TEST(StatusText, says_it_once_when_several_hosts_are_down) {
  http::StatusReport report = quiet_report();
  for (http::HostStatus& host : report.hosts) {
    for (http::EndpointStatus& endpoint : host.endpoints) endpoint.state = BreakerState::open;
  }
  EXPECT_TRUE(status_text(report).ends_with(
      "quay.io              down   quay.io\n\n3 hosts are down: what is held is served, the rest gets 503.\n"))
      << status_text(report);
}

TEST(StatusText, shows_a_server_without_upstreams_and_one_with_an_upstream_for_all) {
  http::StatusReport report = quiet_report();
  report.hosts.clear();
  EXPECT_NE(status_text(report).find("\n\nno upstream is configured: it serves what is pushed to it\n"),
            std::string::npos);
  EXPECT_TRUE(is_fine(report));
  report.hosts = {{.host = "default", .is_default = true, .endpoints = {{.name = "mirror.example"}}}};
  EXPECT_NE(status_text(report).find("\ndefault  no known fault  mirror.example\n"), std::string::npos);
}

TEST(StatusText, says_why_and_until_when) {
  http::StatusReport report = quiet_report();
  report.hosts[2].endpoints[0].state = BreakerState::open;
  report.hosts[2].endpoints[0].reason = "cannot connect: connection refused";
  report.hosts[2].endpoints[0].probe_in = std::chrono::seconds(12);
  report.hosts[2].is_frozen = true;
  report.hosts[1].endpoints[0].login = "rejected";
  report.hosts[1].endpoints[0].reason = "401";
  report.hosts[1].endpoints[1].limited_for = std::chrono::seconds(50);
  report.captures = {.running = 1, .waiting = 2, .failing = 3, .worst = "ghcr.io/a@sha256:b", .worst_error = "no disk"};
  const std::string text = status_text(report);
  for (const std::string part : {"fetching  nothing\ncaptures  1 running, 2 waiting, 3 failing\n          "
                                 "ghcr.io/a@sha256:b\n          no disk\n\n",
                                 "\nghcr.io              login refused   ghcr.io\n",
                                 "\n\nghcr.io: 401\nmirror.example:5000/ghcr: it wants not to be asked for 50s\n"
                                 "quay.io: cannot connect: connection refused; probed in 12s\n\n",
                                 "quay.io is down: what is held is served, the rest gets 503.\n"
                                 "Nothing that is held of what is down is removed until it can be asked again.\n"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "is not in\n" << text;
  }
  http::StatusReport probed = quiet_report();
  probed.probes = {{.name = "self", .target = "self"},
                   {.name = "backup",
                    .target = "backup.example",
                    .is_running = true,
                    .last_run = "2026-01-31T12:00:00.000Z",
                    .tags = 9}};
  EXPECT_TRUE(is_fine(probed));
  EXPECT_TRUE(
      status_text(probed).ends_with("\nPROBE   BROKEN  LAST RUN\nself    0       none yet\n"
                                    "backup  0       2026-01-31T12:00:00.000Z, 9 tags, runs now\n"))
      << status_text(probed);
  probed.probes[1].broken = 3;
  probed.probes[1].diverging = 1;
  probed.probes[1].first = {"a:1: missing, layer", "a:2: missing, layer"};
  probed.probes[1].error = "503";
  EXPECT_FALSE(is_fine(probed));
  EXPECT_TRUE(status_text(probed).ends_with(
      "\nbackup: interrupted: 503\nbackup: 1 tag differ from another registry\nbackup: a:1: missing, layer\n"
      "backup: a:2: missing, layer\nbackup: and 2 more\n"))
      << status_text(probed);
  probed.probes = {{.name = "self", .target = "self", .is_accessible = false}};
  EXPECT_FALSE(is_fine(probed));
  http::StatusReport refused = quiet_report();
  refused.hosts[0].endpoints[0].login = "rejected";
  EXPECT_FALSE(is_fine(refused)) << "nothing new can be pulled with it";
}

}  // namespace
}  // namespace lifeboat::cli
