#include "http/access_log.h"

#include <gtest/gtest.h>

#include <string>

namespace lifeboat::http {
namespace {

using sys::HttpMethod;

AccessRecord record(HttpMethod method, int status) {
  return {.method = method,
          .method_text = "",
          .route = RouteKind::manifest,
          .path = "",
          .ns = "",
          .status = status,
          .peer = "",
          .user_agent = "",
          .request_id = "",
          .endpoint = "",
          .failure = ""};
}

TEST(AccessLog, tells_of_problems_and_writes) {
  AccessRecord stale = record(HttpMethod::get, 200);
  stale.is_stale = true;
  AccessRecord cut = record(HttpMethod::get, 200);
  cut.is_cut = true;
  AccessRecord slow = record(HttpMethod::head, 200);
  slow.took = Duration(2000);
  AccessRecord long_blob = slow;
  long_blob.route = RouteKind::blob;
  AccessRecord left = record(HttpMethod::patch, 503);
  left.has_client_left = true;
  using Level = std::optional<LogLevel>;
  const struct {
    std::string name;
    AccessRecord record;
    Level problems, all;
  } rows[] = {
      {"read", record(HttpMethod::get, 200), std::nullopt, LogLevel::info},
      {"not found", record(HttpMethod::get, 404), std::nullopt, LogLevel::info},
      {"bad range", record(HttpMethod::get, 416), std::nullopt, LogLevel::info},
      {"write", record(HttpMethod::put, 201), LogLevel::info, LogLevel::info},
      {"refused write", record(HttpMethod::put, 400), std::nullopt, LogLevel::info},
      {"failure", record(HttpMethod::get, 503), LogLevel::warning, LogLevel::warning},
      {"failed write", record(HttpMethod::put, 507), LogLevel::warning, LogLevel::warning},
      {"stale", stale, LogLevel::warning, LogLevel::warning},
      {"cut", cut, LogLevel::warning, LogLevel::warning},
      {"slow", slow, LogLevel::warning, LogLevel::warning},
      {"a long body", long_blob, std::nullopt, LogLevel::info},
      {"the client left", left, LogLevel::debug, LogLevel::info},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(access_level(AccessLogMode::problems, row.record, Duration(2000)), row.problems) << row.name;
    EXPECT_EQ(access_level(AccessLogMode::all, row.record, Duration(2000)), row.all) << row.name;
    EXPECT_EQ(access_level(AccessLogMode::none, row.record, Duration(2000)), std::nullopt) << row.name;
  }
}

}  // namespace
}  // namespace lifeboat::http
