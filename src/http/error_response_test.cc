#include "http/error_response.h"

#include <gtest/gtest.h>

#include <string>

namespace lifeboat::http {
namespace {

using oci::OciErrorCode;

constexpr Asked kReads[] = {Asked::repository, Asked::manifest, Asked::blob};
constexpr Asked kAll[] = {Asked::repository,    Asked::manifest,         Asked::blob,        Asked::upload,
                          Asked::manifest_push, Asked::manifest_removal, Asked::blob_removal};
constexpr ErrorCode kCodes[] = {
    ErrorCode::not_found,   ErrorCode::invalid,   ErrorCode::conflict, ErrorCode::unauthorized, ErrorCode::denied,
    ErrorCode::unavailable, ErrorCode::timed_out, ErrorCode::too_many, ErrorCode::corrupt,      ErrorCode::no_space,
    ErrorCode::unsupported, ErrorCode::cancelled, ErrorCode::internal};

TEST(ErrorResponse, follows_the_table) {
  const struct {
    std::string name;
    ErrorCode code;
    Asked asked;
    int status;
    OciErrorCode want;
  } rows[] = {
      {"unknown repository", ErrorCode::not_found, Asked::repository, 404, OciErrorCode::name_unknown},
      {"unknown manifest", ErrorCode::not_found, Asked::manifest, 404, OciErrorCode::manifest_unknown},
      {"unknown blob", ErrorCode::not_found, Asked::blob, 404, OciErrorCode::blob_unknown},
      {"unknown session", ErrorCode::not_found, Asked::upload, 404, OciErrorCode::blob_upload_unknown},
      {"manifest to delete", ErrorCode::not_found, Asked::manifest_removal, 404, OciErrorCode::manifest_unknown},
      {"blob to delete", ErrorCode::not_found, Asked::blob_removal, 404, OciErrorCode::blob_unknown},
      {"bad name", ErrorCode::invalid, Asked::repository, 400, OciErrorCode::name_invalid},
      {"bad manifest", ErrorCode::invalid, Asked::manifest_push, 400, OciErrorCode::manifest_invalid},
      {"bad body", ErrorCode::invalid, Asked::upload, 400, OciErrorCode::blob_upload_invalid},
      {"digest of an upload", ErrorCode::corrupt, Asked::upload, 400, OciErrorCode::digest_invalid},
      {"digest of a manifest", ErrorCode::corrupt, Asked::manifest_push, 400, OciErrorCode::digest_invalid},
      {"rotten blob", ErrorCode::corrupt, Asked::blob, 503, OciErrorCode::digest_invalid},
      {"rotten manifest", ErrorCode::corrupt, Asked::manifest, 503, OciErrorCode::manifest_invalid},
      {"condition of a push", ErrorCode::conflict, Asked::manifest_push, 412, OciErrorCode::denied},
      {"session in use", ErrorCode::conflict, Asked::upload, 503, OciErrorCode::blob_upload_invalid},
      {"blob in use", ErrorCode::conflict, Asked::blob_removal, 405, OciErrorCode::unsupported},
      {"upstream down", ErrorCode::unavailable, Asked::manifest, 503, OciErrorCode::too_many_requests},
      {"upstream slow", ErrorCode::timed_out, Asked::blob, 503, OciErrorCode::too_many_requests},
      {"upstream limits us", ErrorCode::too_many, Asked::blob, 503, OciErrorCode::too_many_requests},
      {"upstream refuses our token", ErrorCode::unauthorized, Asked::manifest, 503, OciErrorCode::too_many_requests},
      {"upstream denies us", ErrorCode::denied, Asked::manifest, 503, OciErrorCode::too_many_requests},
      {"too many sessions", ErrorCode::too_many, Asked::upload, 503, OciErrorCode::too_many_requests},
      {"disk full", ErrorCode::no_space, Asked::upload, 507, OciErrorCode::denied},
      {"push to an upstream", ErrorCode::unsupported, Asked::repository, 405, OciErrorCode::unsupported},
      {"stopping", ErrorCode::cancelled, Asked::blob, 503, OciErrorCode::too_many_requests},
      {"bug", ErrorCode::internal, Asked::manifest, 500, OciErrorCode::unsupported},
  };
  for (const auto& row : rows) {
    const ErrorAnswer answer = answer_to(row.code, row.asked);
    EXPECT_EQ(answer.status, row.status) << row.name;
    EXPECT_EQ(answer.code, row.want) << row.name;
  }
}

TEST(ErrorResponse, says_when_to_come_back_with_every_503_and_only_then) {
  for (const ErrorCode code : kCodes) {
    for (const Asked asked : kAll) {
      const ErrorAnswer answer = answer_to(code, asked);
      EXPECT_EQ(answer.retry_after_s > 0, answer.status == 503) << to_string(code);
      EXPECT_LE(answer.retry_after_s, 5) << to_string(code);
    }
  }
}

TEST(ErrorResponse, an_outage_never_looks_like_not_found_or_a_client_fault) {
  for (const ErrorCode code : kCodes) {
    const bool is_of_the_request = code == ErrorCode::invalid || code == ErrorCode::unsupported;
    for (const Asked asked : kReads) {
      // A client's name may be malformed; its reference and digest were parsed, so only an upstream can dislike them.
      const bool is_clients = code == ErrorCode::not_found || (is_of_the_request && asked == Asked::repository);
      const int status = answer_to(code, asked).status;
      EXPECT_EQ(status >= 500, !is_clients) << to_string(code);
      for (const int never : {401, 403, 408, 429}) EXPECT_NE(status, never) << to_string(code);
    }
    EXPECT_EQ(answer_to(code, Asked::upload).status == 404, code == ErrorCode::not_found) << to_string(code);
  }
}

TEST(ErrorResponse, is_json_with_the_fields_of_the_api) {
  const auto response = error_response(Error(ErrorCode::unavailable, "cannot ask \"x\""), Asked::manifest);
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.fields.find("content-type"), "application/json");
  EXPECT_EQ(response.fields.find("docker-distribution-api-version"), "registry/2.0");
  EXPECT_EQ(response.fields.find("x-content-type-options"), "nosniff");
  EXPECT_TRUE(response.fields.find("retry-after").has_value());
  const auto errors = oci::parse_errors(response.body);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].message, "cannot ask \"x\"");
}

TEST(ErrorResponse, keeps_internals_to_the_log) {
  const auto response = error_response(Error(ErrorCode::internal, "SQLITE_CORRUPT at /secret"), Asked::manifest);
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body.find("SQLITE"), std::string::npos);
}

TEST(ErrorResponse, names_what_still_needs_a_blob) {
  const auto response = error_response(Error(ErrorCode::conflict, "manifest 'sha256:1' names it"), Asked::blob_removal);
  const auto errors = oci::parse_errors(response.body);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_NE(errors[0].detail.find("sha256:1"), std::string::npos);
  EXPECT_TRUE(response.fields.find("Allow").has_value());
}

TEST(ApiErrorResponse, follows_the_table) {
  const struct {
    ErrorCode code;
    int status;
  } rows[] = {
      {ErrorCode::not_found, 404},    {ErrorCode::invalid, 400},     {ErrorCode::conflict, 409},
      {ErrorCode::unauthorized, 403}, {ErrorCode::denied, 403},      {ErrorCode::unavailable, 503},
      {ErrorCode::timed_out, 504},    {ErrorCode::too_many, 429},    {ErrorCode::corrupt, 500},
      {ErrorCode::no_space, 507},     {ErrorCode::unsupported, 405}, {ErrorCode::cancelled, 503},
      {ErrorCode::internal, 500},
  };
  ASSERT_EQ(std::size(rows), std::size(kCodes));
  for (const auto& row : rows) EXPECT_EQ(api_status_of(row.code), row.status) << to_string(row.code);
}

TEST(ApiErrorResponse, says_what_is_wrong_and_of_which_kind) {
  const auto response = api_error_response(Error(ErrorCode::internal, "cannot read \"x\"\n"));
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body, R"({"error":"cannot read \"x\"\n","code":"internal"})");
  EXPECT_EQ(response.fields.find("Content-Type"), "application/json");
  EXPECT_EQ(response.fields.find("Cache-Control"), "no-store");
}

}  // namespace
}  // namespace lifeboat::http
