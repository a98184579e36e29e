#include "http/api.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>

#include "http/capture_report.h"
#include "http/endpoint_test.h"
#include "http/explain_report.h"
#include "http/prune_report.h"
#include "http/tag_report.h"

namespace lifeboat::http {
namespace {

/// The paths of doc/reference/openapi.yaml.
std::set<std::string> documented_paths() {
  std::ifstream file(LIFEBOAT_SOURCE_ROOT "/doc/reference/openapi.yaml");
  EXPECT_TRUE(file.is_open()) << "the API's document is not there";
  std::set<std::string> paths;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("  /") && line.ends_with(':')) paths.insert(line.substr(2, line.size() - 3));
  }
  return paths;
}

class ApiTest : public EndpointTest {
 protected:
  test::FakeAnswer call(std::string target, std::string method = "GET", sys::HttpDoor door = sys::HttpDoor::local) {
    return ask({.method = std::move(method), .target = std::move(target), .door = door});
  }
  test::FakeAnswer order(std::string body) {
    return ask({.method = "POST", .target = "/api/v1/prefetch", .body = std::move(body), .door = sys::HttpDoor::local});
  }
  test::FakeAnswer change_pins(std::string method, std::string target, std::string body = "") {
    return ask({.method = std::move(method),
                .target = "/api/v1/pins" + target,
                .body = std::move(body),
                .door = sys::HttpDoor::local});
  }
};

TEST_F(ApiTest, has_the_calls_that_are_documented) {
  std::set<std::string> offered;
  for (const ApiCall& one : api_calls()) offered.insert("/api/v1/" + std::string(one.name));
  EXPECT_EQ(documented_paths(), offered);
  for (const std::string& path : documented_paths()) EXPECT_NE(call(path).status, 404) << path;
}

TEST_F(ApiTest, is_closed_to_the_network) {
  const auto unknown = call("/zebra", "GET", sys::HttpDoor::network);
  for (const ApiCall& one : api_calls()) {
    const std::string path = "/api/v1/" + std::string(one.name);
    for (const char* method : {"GET", "HEAD", "POST", "DELETE"}) {
      const auto answer = call(path, method, sys::HttpDoor::network);
      EXPECT_EQ(answer.status, 404) << method << " " << path;
      EXPECT_EQ(answer.field("Content-Type"), unknown.field("Content-Type")) << path;
    }
  }
}

TEST_F(ApiTest, refuses_in_json) {
  const auto unknown = call("/api/v1/zebra");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.body, R"({"error":"cannot find call 'zebra': no such call in this version","code":"not_found"})");
  const auto posted = call("/api/v1/status", "POST");
  EXPECT_EQ(posted.status, 405);
  EXPECT_EQ(posted.field("Allow"), "GET, HEAD");
  EXPECT_EQ(posted.body,
            R"({"error":"cannot use this method on a call: got 'POST', want GET, HEAD","code":"unsupported"})");
}

TEST_F(ApiTest, tells_the_status_of_the_node_and_what_is_held) {
  push_blob("app", "hello");
  status_.said.version = "1.2.3";
  status_.said.hosts = {{.host = "ghcr.io", .endpoints = {{.name = "ghcr.io", .state = BreakerState::open}}}};
  const auto answer = call("/api/v1/status");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.field("Content-Type"), "application/json");
  EXPECT_EQ(answer.field("Cache-Control"), "no-store");
  const auto report = parse_status(answer.body);
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_EQ(report->version, "1.2.3");
  EXPECT_EQ(report->hosts, status_.said.hosts);
  ASSERT_TRUE(report->store.has_value()) << report->store.error();
  EXPECT_EQ(report->store->blobs, 1U);
  EXPECT_EQ(report->store->blob_bytes, 5U);
}

TEST_F(ApiTest, tells_the_status_while_the_store_does_not_answer) {
  status_.said.version = "1.2.3";
  start({.answer_within = Duration(-1)});  // the store is asked too late
  const auto answer = call("/api/v1/status");
  EXPECT_EQ(answer.status, 200);
  const auto report = parse_status(answer.body);
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_EQ(report->version, "1.2.3");
  ASSERT_FALSE(report->store.has_value());
  EXPECT_NE(report->store.error(), "");
}

TEST_F(ApiTest, takes_an_order_to_prefetch_and_tells_how_far_it_is) {
  const std::string manifest = manifest_of("config");
  source_.manifests["v1"] = manifest;
  source_.manifests[digest_of(manifest)] = manifest;
  const auto ordered = order(R"({"reference":"upstream.example/app:v1","platforms":["linux/arm64"]})");
  ASSERT_EQ(ordered.status, 200) << ordered.body;
  const auto report = parse_prefetch(ordered.body).value();
  EXPECT_EQ(report.repository, "upstream.example/app");
  EXPECT_EQ(report.digest, digest_of(manifest));
  EXPECT_EQ(report.platforms, std::vector<std::string>{"linux/arm64"});
  const auto told = call("/api/v1/capture?repository=upstream.example/app&digest=" + report.digest);
  ASSERT_EQ(told.status, 200) << told.body;
  const auto capture = parse_capture(told.body).value();
  EXPECT_EQ(capture.phase, CaptureReport::Phase::waiting);
  EXPECT_TRUE(capture.is_here);
  EXPECT_EQ(capture.missing, 1U);
  const auto status = parse_status(call("/api/v1/status").body).value();
  EXPECT_EQ(status.captures.waiting, 1U);
}

TEST_F(ApiTest, refuses_orders_that_cannot_be) {
  const struct {
    std::string body;
    int status;
  } rows[] = {
      {"", 400},
      {R"({"reference":"A/B"})", 400},
      {R"({"reference":"upstream.example/app","platforms":["arm64"]})", 400},
      {R"({"reference":"team/app:v1"})", 400},  // hosted here
      {R"({"reference":"nowhere.example/app"})", 404},
      {R"({"reference":"upstream.example/app:never"})", 404},
      {std::string(65'537, ' '), 400},
  };
  for (const auto& row : rows) {
    const auto answer = order(row.body);
    EXPECT_EQ(answer.status, row.status) << row.body.substr(0, 80) << ": " << answer.body;
    EXPECT_TRUE(answer.body.starts_with(R"({"error":)")) << answer.body;
  }
  EXPECT_EQ(call("/api/v1/prefetch").status, 405);
  EXPECT_EQ(call("/api/v1/capture").status, 400);
  EXPECT_EQ(call("/api/v1/capture?repository=upstream.example/app&digest=" + digest_of("never")).status, 404);
  EXPECT_EQ(call("/api/v1/explain").status, 400);
  EXPECT_EQ(call("/api/v1/explain?reference=A/B").status, 400);
}

TEST_F(ApiTest, explains_what_a_pull_would_get) {
  const std::string manifest = manifest_of("config");
  source_.manifests["v1"] = manifest;
  source_.manifests[digest_of(manifest)] = manifest;
  ASSERT_EQ(get("/v2/upstream.example/app/manifests/v1").status, 200);
  status_.said.hosts = {{.host = "upstream.example", .endpoints = {{.name = "mirror.example", .reason = "why"}}}};
  const auto answer = call("/api/v1/explain?reference=upstream.example/app:v1");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto report = parse_explain(answer.body).value();
  EXPECT_EQ(report.repository, "upstream.example/app");
  EXPECT_EQ(report.host, "upstream.example");
  EXPECT_EQ(report.means, ExplainReport::Means::host);
  EXPECT_EQ(report.outlook.answer, registry::Outlook::Answer::store);
  EXPECT_TRUE(report.outlook.fetches_rest) << "the config is not here";
  EXPECT_EQ(report.digest, digest_of(manifest));
  ASSERT_TRUE(report.tag.has_value());
  EXPECT_GT(report.tag->fresh_for.count(), 0);
  ASSERT_TRUE(report.policy.has_value());
  EXPECT_EQ(report.policy->capture, "none");
  ASSERT_EQ(report.endpoints.size(), 1U);
  EXPECT_EQ(report.endpoints[0].reason, "why");
  EXPECT_EQ(report.history.size(), 1U);

  const auto unknown = parse_explain(call("/api/v1/explain?reference=nowhere.example/app").body).value();
  EXPECT_EQ(unknown.means, ExplainReport::Means::unknown);
  EXPECT_EQ(unknown.outlook.answer, registry::Outlook::Answer::not_found);
  EXPECT_NE(unknown.why_unknown.find("'nowhere.example' is no configured upstream"), std::string::npos);
}

TEST_F(ApiTest, prunes_and_says_why) {
  push_blob("app", "config");
  push_manifest("app", "2", manifest_of("config"));
  push_manifest("app", "1", manifest_of("config"));
  const auto prune = [&](std::string body) {
    return ask({.method = "POST", .target = "/api/v1/prune", .body = std::move(body), .door = sys::HttpDoor::local});
  };
  const auto foreseen = prune(R"({"dry_run":true})");
  ASSERT_EQ(foreseen.status, 200) << foreseen.body;
  EXPECT_EQ(parse_prune(foreseen.body).value().tags, 1U);
  EXPECT_EQ(get("/v2/app/manifests/2").status, 200) << "it was only asked what would go";
  const auto done = parse_prune(prune("").body).value();
  ASSERT_EQ(done.items.size(), 2U);
  EXPECT_EQ(done.items[1].tag, "2");
  EXPECT_EQ(done.items[1].reason, "no rule keeps it");
  EXPECT_EQ(get("/v2/app/manifests/2").status, 404);
  EXPECT_EQ(get("/v2/app/manifests/1").status, 200);
  EXPECT_EQ(prune("{").status, 400);
  EXPECT_EQ(call("/api/v1/prune").status, 405);
}

TEST_F(ApiTest, restores_a_tag_that_was_deleted) {
  push_blob("app", "config");
  push_manifest("app", "v1", manifest_of("config"));
  const std::string digest = get("/v2/app/manifests/v1").field("Docker-Content-Digest");
  const auto restore = [&](std::string body) {
    return ask({.method = "POST", .target = "/api/v1/restore", .body = std::move(body), .door = sys::HttpDoor::local});
  };
  EXPECT_EQ(restore(R"({"reference":"app:v1"})").status, 400) << "it is there";
  ASSERT_EQ(ask({.method = "DELETE", .target = "/v2/app/manifests/" + digest}).status, 202);
  ASSERT_EQ(get("/v2/app/manifests/v1").status, 404);

  const auto history = parse_history(call("/api/v1/history?repository=app&tag=v1").body);
  ASSERT_TRUE(history) << history.error().message();
  ASSERT_EQ(history->moments.size(), 1U);
  EXPECT_EQ(history->moments[0].digest, digest);
  EXPECT_EQ(history->moments[0].source, "push");
  EXPECT_EQ(history->moments[0].restorable, "stored");
  EXPECT_EQ(parse_history(call("/api/v1/history?repository=app").body).value(), *history);

  EXPECT_EQ(restore(R"({"reference":"app:v1","dry_run":true})").status, 200);
  EXPECT_EQ(get("/v2/app/manifests/v1").status, 404) << "it was only asked";
  const auto restored = restore(R"({"reference":"app:v1"})");
  ASSERT_EQ(restored.status, 200) << restored.body;
  EXPECT_EQ(parse_restore(restored.body)->manifests, 1U);
  EXPECT_EQ(get("/v2/app/manifests/v1").field("Docker-Content-Digest"), digest);
  EXPECT_EQ(restore(R"({"reference":"app:v9"})").status, 404);
  EXPECT_EQ(restore(R"({"reference":"app@)" + digest + R"("})").status, 400);
  EXPECT_EQ(call("/api/v1/history").status, 400);
  EXPECT_EQ(call("/api/v1/history?repository=app", "POST").status, 405);
  EXPECT_EQ(call("/api/v1/restore").status, 405);
}

TEST_F(ApiTest, pins_no_upstream_for_what_is_hosted_here_later) {
  default_host_ = registry::DefaultHost{.host = oci::RegistryHost::parse("upstream.example").value()};
  start({});
  const auto refused = change_pins("POST", "", R"({"reference":"team/app:v1"})");
  EXPECT_EQ(refused.status, 400) << refused.body;
  for (const char* said : {"upstream.example/team/app:v1", "a push first"}) {
    EXPECT_NE(refused.body.find(said), std::string::npos) << refused.body;
  }
  EXPECT_EQ(change_pins("POST", "", R"({"reference":"upstream.example/team/app:v1"})").status, 200) << "it has a host";
  push_blob("team/app", "config");
  const auto pinned = change_pins("POST", "", R"({"reference":"team/app:v1"})");
  ASSERT_EQ(pinned.status, 200) << pinned.body;
  EXPECT_EQ(parse_pins(pinned.body)->repository, "team/app") << "somebody hosts it now";
}

TEST_F(ApiTest, unpins_what_the_list_of_pins_says_also_when_its_upstream_is_no_more) {
  const oci::RepositoryId gone{oci::RegistryHost::parse("gone.example").value(),
                               oci::Repository::parse("team/app").value()};
  const std::string digest = "sha256:" + std::string(64, 'a');
  for (const std::string& reference : {std::string("v1"), digest}) {
    ASSERT_TRUE(test::run(
        names_.usage().add_pin(Call(SteadyTime::max(), "test"), {.repository = gone, .reference = reference})));
  }
  EXPECT_EQ(change_pins("DELETE", "?reference=gone.example/team/app:v2").status, 404);
  EXPECT_EQ(change_pins("DELETE", "?reference=gone.example/team/app:v1").status, 200);
  EXPECT_EQ(change_pins("DELETE", "?reference=gone.example/team/app@" + digest).status, 200);
  EXPECT_TRUE(parse_pins(call("/api/v1/pins").body)->pins.empty());
}

TEST_F(ApiTest, pins_and_unpins) {
  const auto change = [&](std::string method, std::string target, std::string body = "") {
    return change_pins(std::move(method), std::move(target), std::move(body));
  };
  push_blob("app", "config");
  const auto pinned = change("POST", "", R"({"reference":"app:v1","reason":"it runs"})");
  ASSERT_EQ(pinned.status, 200) << pinned.body;
  EXPECT_EQ(parse_pins(pinned.body)->repository, "app");
  EXPECT_EQ(parse_pins(pinned.body)->reference, "v1");
  const auto all = parse_pins(call("/api/v1/pins").body).value();
  ASSERT_EQ(all.pins.size(), 1U);
  EXPECT_EQ(all.pins[0].repository, "app");
  EXPECT_EQ(all.pins[0].reference, "v1");
  EXPECT_EQ(all.pins[0].reason, "it runs");
  EXPECT_EQ(all.reference, "");
  EXPECT_EQ(change("POST", "", R"({"reference":"app:v1","reason":")" + std::string(1025, 'x') + "\"}").status, 400);
  EXPECT_EQ(change("POST", "", R"({"reference":"A"})").status, 400);
  EXPECT_EQ(change("DELETE", "").status, 400);
  EXPECT_EQ(change("DELETE", "?reference=app:v2").status, 404);
  EXPECT_EQ(change("DELETE", "?reference=app:v1").status, 200);
  EXPECT_TRUE(parse_pins(call("/api/v1/pins").body)->pins.empty());
  EXPECT_EQ(change("PUT", "").status, 405);
}

TEST_F(ApiTest, serves_the_registry_on_the_local_door_too) {
  const std::string digest = push_blob("app", "hello");
  EXPECT_EQ(call("/v2/app/blobs/" + digest).body, "hello");
}

}  // namespace
}  // namespace lifeboat::http
