#include "http/access_log.h"

namespace lifeboat::http {
namespace {

bool is_read(sys::HttpMethod method) { return method == sys::HttpMethod::get || method == sys::HttpMethod::head; }

/// A body may take as long as the client likes; other reads are slow when they took longer than they may.
bool is_slow(const AccessRecord& record, Duration slow) {
  return is_read(record.method) && record.route != RouteKind::blob && record.took >= slow;
}

}  // namespace

std::optional<LogLevel> access_level(AccessLogMode mode, const AccessRecord& record, Duration slow) {
  if (mode == AccessLogMode::none) return std::nullopt;
  if (record.has_client_left) return mode == AccessLogMode::all ? LogLevel::info : LogLevel::debug;
  if (record.status >= 500 || record.is_stale || record.is_cut || is_slow(record, slow)) return LogLevel::warning;
  if (mode == AccessLogMode::all) return LogLevel::info;
  const bool is_write = !is_read(record.method) && record.status < 400;
  if (is_write) return LogLevel::info;
  return std::nullopt;
}

void write_access(Log& log, LogLevel level, const AccessRecord& record) {
  if (!log.is_enabled(level)) return;
  const std::initializer_list<LogField> fields = {
      {"method", record.method_text},
      {"path", record.path},
      {"ns", record.ns},
      {"status", record.status},
      {"duration_ms", record.took.count()},
      {"received_bytes", record.received_bytes},
      {"sent_bytes", record.sent_bytes},
      {"peer", record.peer},
      {"user_agent", record.user_agent},
      {"stale", record.is_stale ? 1 : 0},
      {"cut", record.is_cut ? 1 : 0},
      {"endpoint", record.endpoint},
      {"reason", record.failure},
      {"request_id", record.request_id},
  };
  switch (level) {
    case LogLevel::debug: return log.debug("http.request", fields);
    case LogLevel::info: return log.info("http.request", fields);
    case LogLevel::warning: return log.warning("http.request", fields);
    case LogLevel::error: return log.error("http.request", fields);
  }
}

}  // namespace lifeboat::http
