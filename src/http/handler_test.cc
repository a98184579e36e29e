#include "http/handler.h"

#include <gtest/gtest.h>

#include <string>

#include "http/endpoint_test.h"

namespace lifeboat::http {
namespace {

class HandlerTest : public EndpointTest {};

TEST_F(HandlerTest, answers_the_base_of_the_api) {
  for (const char* target : {"/v2/", "/v2", "/v2/?ns=upstream.example"}) {
    const auto answer = get(target);
    EXPECT_EQ(answer.status, 200) << target;
    EXPECT_EQ(answer.body, "{}") << target;
    EXPECT_EQ(answer.field("Content-Type"), "application/json") << target;
    EXPECT_EQ(answer.field("X-Content-Type-Options"), "nosniff") << target;
  }
  EXPECT_EQ(send("POST", "/v2/").status, 405);
  EXPECT_EQ(send("OPTIONS", "/v2/").status, 405);
}

TEST_F(HandlerTest, refuses_in_json_what_has_no_route) {
  for (const char* target :
       {"/v2/a//b/tags/list", "/v2/nothing", "/v2/A%00/tags/list", "/v2/%2e%2e/tags/list", "/v2/a%252Fb/tags/list"}) {
    const auto answer = get(target);
    EXPECT_TRUE(answer.status == 400 || answer.status == 404) << target;
    EXPECT_NE(code_of(answer), "") << target;
    EXPECT_EQ(answer.field("Docker-Distribution-Api-Version"), "registry/2.0") << target;
  }
  EXPECT_EQ(handler_->refuse(431, "too large").status, 431);
}

TEST_F(HandlerTest, pages_tags) {
  push_blob("app", "config");
  for (const char* tag : {"c", "a", "B", "b1"}) push_manifest("app", tag, manifest_of("config"));
  const auto all = get("/v2/app/tags/list");
  EXPECT_EQ(all.status, 200);
  EXPECT_EQ(all.body, R"({"name":"app","tags":["B","a","b1","c"]})");
  EXPECT_EQ(all.field("Link"), "");
  const auto first = get("/v2/app/tags/list?n=2");
  EXPECT_EQ(first.body, R"({"name":"app","tags":["B","a"]})");
  EXPECT_EQ(first.field("Link"), "</v2/app/tags/list?n=2&last=a>; rel=\"next\"");
  const auto second = get("/v2/app/tags/list?n=2&last=a");
  EXPECT_EQ(second.body, R"({"name":"app","tags":["b1","c"]})");
  EXPECT_EQ(second.field("Link"), "") << "no page follows a last one that is full";
  EXPECT_EQ(get("/v2/app/tags/list?last=aaa").body, R"({"name":"app","tags":["b1","c"]})");
  EXPECT_EQ(get("/v2/app/tags/list?last=z").body, R"({"name":"app","tags":[]})");
  const auto none = get("/v2/app/tags/list?n=0");
  EXPECT_EQ(none.body, R"({"name":"app","tags":[]})");
  EXPECT_EQ(none.field("Link"), "");
  EXPECT_EQ(get("/v2/app/tags/list?n=100000").status, 200);
  EXPECT_EQ(code_of(get("/v2/app/tags/list?n=-1")), "UNSUPPORTED");
  const auto unknown = get("/v2/nothing/tags/list");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(code_of(unknown), "NAME_UNKNOWN");
}

TEST_F(HandlerTest, lists_no_tags_of_a_repository_that_has_none) {
  push_blob("app", "config");
  const std::string bytes = manifest_of("config");
  ASSERT_EQ(send("PUT", "/v2/app/manifests/" + digest_of(bytes), bytes).status, 201);
  EXPECT_EQ(get("/v2/app/tags/list").body, R"({"name":"app","tags":[]})");
}

TEST_F(HandlerTest, pages_the_catalog) {
  EXPECT_EQ(get("/v2/_catalog").body, R"({"repositories":[]})");
  for (const char* name : {"b", "a/x", "c"}) push_blob(name, "hello");
  EXPECT_EQ(get("/v2/_catalog").body, R"({"repositories":["a/x","b","c"]})");
  const auto first = get("/v2/_catalog?n=1");
  EXPECT_EQ(first.body, R"({"repositories":["a/x"]})");
  EXPECT_EQ(first.field("Link"), "</v2/_catalog?n=1&last=a%2Fx>; rel=\"next\"");
  EXPECT_EQ(get("/v2/_catalog?n=5&last=a%2Fx").body, R"({"repositories":["b","c"]})");
  EXPECT_EQ(get("/v2/_catalog?n=0").body, R"({"repositories":[]})");
  EXPECT_EQ(get("/v2/_catalog?n=x").status, 400);
}

TEST_F(HandlerTest, is_alive_and_ready_without_any_upstream) {
  source_.fails = ErrorCode::unavailable;
  for (const char* target : {"/healthz", "/livez", "/readyz"}) EXPECT_EQ(get(target).status, 200) << target;
  handler_->set_stopping();
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_EQ(get("/livez").status, 200);
  EXPECT_EQ(send("POST", "/livez").status, 405);
}

TEST_F(HandlerTest, counts_requests_and_what_is_stored) {
  push_blob("app", "hello");
  get("/v2/app/blobs/" + digest_of("hello"));
  ASSERT_NE(handler_->prepared(0, {false, "/v2/app/blobs/" + digest_of("hello"), ""}).answer, nullptr);
  const std::string text = get("/metrics").body;
  EXPECT_NE(text.find("lifeboat_store_blobs 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("lifeboat_store_bytes 5\n"), std::string::npos) << text;
  EXPECT_NE(text.find(R"(lifeboat_http_requests_total{method="GET",route="blob",status_class="2xx"} 2)"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("lifeboat_http_sent_bytes_total 10\n"), std::string::npos) << text;
}

TEST_F(HandlerTest, sends_nothing_past_a_log_of_all_requests) {
  start({.access_log = AccessLogMode::all});
  const std::string target = "/v2/app/blobs/" + push_blob("app", "hello");
  get(target);
  EXPECT_EQ(handler_->prepared(0, {false, target, ""}).answer, nullptr);
  const auto again = get(target);
  EXPECT_EQ(again.body, "hello");
  EXPECT_TRUE(again.is_prepared);
}

}  // namespace
}  // namespace lifeboat::http
