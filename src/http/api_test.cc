#include "http/api.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>

#include "http/endpoint_test.h"

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

TEST_F(ApiTest, serves_the_registry_on_the_local_door_too) {
  const std::string digest = push_blob("app", "hello");
  EXPECT_EQ(call("/v2/app/blobs/" + digest).body, "hello");
}

}  // namespace
}  // namespace lifeboat::http
