#include "upstream/failure.h"

#include <gtest/gtest.h>

#include <vector>

namespace lifeboat::upstream {
namespace {

constexpr const char* kJson = "application/json";
constexpr const char* kHtml = "text/html; charset=utf-8";
constexpr const char* kText = "text/plain";
constexpr const char* kUnknownManifest = R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"m"}]})";

TEST(Failure, is_what_the_answer_means) {
  struct Row {
    const char* name;
    int status;
    const char* type;
    std::string body;
    Wanted wanted;
    std::optional<ErrorCode> want;
  };
  const std::vector<Row> rows{
      {"manifest", 200, "application/vnd.oci.image.index.v1+json", "{}", Wanted::manifest, std::nullopt},
      {"manifest without type", 200, "", "{}", Wanted::manifest, std::nullopt},
      {"captive portal for a manifest", 200, kHtml, "<html>", Wanted::manifest, ErrorCode::corrupt},
      {"captive portal without type", 200, "", "\n<!doctype html>", Wanted::tags, ErrorCode::corrupt},
      {"HTML as a blob is bytes", 200, kHtml, "<html>", Wanted::blob, std::nullopt},
      {"no content", 204, "", "", Wanted::manifest, ErrorCode::corrupt},
      {"part of a blob that was not asked for", 206, "", "", Wanted::blob, ErrorCode::corrupt},
      {"unauthorized", 401, kJson, R"({"errors":[{"code":"UNAUTHORIZED"}]})", Wanted::blob, ErrorCode::unauthorized},
      {"denied", 403, kJson, R"({"errors":[{"code":"DENIED"}]})", Wanted::blob, ErrorCode::denied},
      {"denied without body", 403, "", "", Wanted::manifest, ErrorCode::denied},
      {"firewall", 403, kHtml, "<html>", Wanted::manifest, ErrorCode::unavailable},
      {"rate in a 403", 403, kJson, R"({"errors":[{"code":"TOOMANYREQUESTS"}]})", Wanted::blob, ErrorCode::too_many},
      {"unknown, with body", 404, "", kUnknownManifest, Wanted::manifest, ErrorCode::not_found},
      {"unknown, HEAD with type", 404, kJson, "", Wanted::manifest, ErrorCode::not_found},
      {"404 of a portal", 404, kHtml, "<html>", Wanted::manifest, ErrorCode::unavailable},
      {"404 in plain text", 404, kText, "404 page not found", Wanted::manifest, ErrorCode::unavailable},
      {"404 without anything", 404, "", "", Wanted::blob, ErrorCode::unavailable},
      {"no referrers", 404, kText, "404 page not found", Wanted::referrers, ErrorCode::not_found},
      {"no referrers in HTML", 404, kHtml, "<html>", Wanted::referrers, ErrorCode::unavailable},
      {"gone", 410, kJson, "", Wanted::manifest, ErrorCode::not_found},
      {"request timeout", 408, "", "", Wanted::manifest, ErrorCode::too_many},
      {"rate", 429, "", "", Wanted::manifest, ErrorCode::too_many},
      {"bad request", 400, kJson, "", Wanted::manifest, ErrorCode::invalid},
      {"method", 405, "", "", Wanted::manifest, ErrorCode::unsupported},
      {"proxy wants credentials", 407, "", "", Wanted::manifest, ErrorCode::unavailable},
      {"legal", 451, "", "", Wanted::manifest, ErrorCode::denied},
      {"server", 500, kJson, "", Wanted::manifest, ErrorCode::unavailable},
      {"gateway", 502, kHtml, "<html>", Wanted::blob, ErrorCode::unavailable},
      {"unavailable", 503, "", "", Wanted::tags, ErrorCode::unavailable},
      {"gateway timeout", 504, "", "", Wanted::tags, ErrorCode::unavailable},
      {"a redirect that was not followed", 307, "", "", Wanted::blob, ErrorCode::unavailable},
      {"nonsense", 999, "", "", Wanted::blob, ErrorCode::unavailable},
  };
  for (const Row& row : rows) {
    sys::HttpFields fields;
    if (*row.type != '\0') fields.add("Content-Type", row.type);
    const auto failure = failure_of({row.status, fields, row.body}, row.wanted);
    EXPECT_EQ(failure ? std::optional(failure->code) : std::nullopt, row.want) << row.name;
  }
}

TEST(Failure, takes_the_header_of_a_registry_as_its_sign) {
  sys::HttpFields fields;
  fields.add("Docker-Distribution-Api-Version", "registry/2.0");
  EXPECT_EQ(failure_of({404, fields, ""}, Wanted::manifest)->code, ErrorCode::not_found);
  EXPECT_EQ(failure_of({404, fields, kUnknownManifest}, Wanted::manifest)->reason, "404 Not Found (MANIFEST_UNKNOWN)");
}

TEST(Failure, reads_how_long_to_wait) {
  const WallTime now{std::chrono::seconds(1767225600)};  // Thu, 01 Jan 2026 00:00:00 GMT
  struct Row {
    const char* name;
    const char* field;
    std::optional<Duration> want;
  };
  const std::vector<Row> rows{
      {"seconds", "7", std::chrono::seconds(7)},
      {"zero", "0", Duration(0)},
      {"too long", "99999", std::chrono::hours(1)},
      {"absurd", "99999999999999999999999999", std::chrono::hours(1)},
      {"date", "Thu, 01 Jan 2026 00:00:30 GMT", std::chrono::seconds(30)},
      {"date that passed", "Wed, 31 Dec 2025 00:00:30 GMT", Duration(0)},
      {"date far ahead", "Thu, 01 Jan 2037 00:00:30 GMT", std::chrono::hours(1)},
      {"negative", "-5", std::nullopt},
      {"empty", "", std::nullopt},
      {"words", "soon", std::nullopt},
  };
  for (const Row& row : rows) {
    sys::HttpFields fields;
    fields.add("Retry-After", row.field);
    EXPECT_EQ(retry_after_of(fields, now), row.want) << row.name;
  }
  EXPECT_EQ(retry_after_of({}, now), std::nullopt);
}

}  // namespace
}  // namespace lifeboat::upstream
