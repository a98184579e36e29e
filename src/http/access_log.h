#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/time.h"
#include "http/route.h"
#include "http/services.h"
#include "sys/http_message.h"

namespace lifeboat::http {

/// What the access log may say of a request. Never its query, which may hold secrets.
struct AccessRecord {
  sys::HttpMethod method = sys::HttpMethod::other;
  std::string_view method_text;
  RouteKind route = RouteKind::other;
  std::string_view path;
  std::string_view ns;
  int status = 0;
  Duration took{0};
  uint64_t received_bytes = 0;
  uint64_t sent_bytes = 0;
  std::string_view peer;
  std::string_view user_agent;
  std::string_view request_id;
  std::string_view endpoint;  ///< the upstream's that was asked; "": none
  std::string_view failure;   ///< why it is not what was asked for; "" when it is
  bool is_stale = false;
  bool is_cut = false;           ///< the body ended early, and it was not the client
  bool has_client_left = false;  ///< an ordinary early close (W10)
};

/// At which level a request is logged; nothing: not at all. Pure.
std::optional<LogLevel> access_level(AccessLogMode mode, const AccessRecord& record, Duration slow);

void write_access(Log& log, LogLevel level, const AccessRecord& record);

}  // namespace lifeboat::http
