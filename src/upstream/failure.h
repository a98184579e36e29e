#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "sys/http_message.h"
#include "upstream/health.h"

namespace lifeboat::upstream {

/// What was asked, since the same answer means different things.
enum class Wanted { manifest, blob, tags, referrers, token };

/// An HTTP answer as far as it tells what happened.
struct Answer {
  int status = 0;
  const sys::HttpFields& fields;
  std::string_view body;  ///< the beginning of it; empty for a HEAD
};

struct Failure {
  ErrorCode code;
  std::string reason;  ///< "503 Service Unavailable", with the registry's own code when it gave one
  friend bool operator==(const Failure&, const Failure&) = default;
};

/// What an answer means; nothing when it is the success that was wanted. The one rule behind all rows: only a registry
/// may say "not found"; a proxy, a captive portal or a login page is an outage, or a lie when it says 200.
///
/// 401 → unauthorized · 403 → denied (in HTML: unavailable) · 404, 410 → not_found with a sign of a registry (an OCI
/// error body, Docker-Distribution-Api-Version, a JSON media type), else unavailable · 408, 429 and TOOMANYREQUESTS →
/// too_many · 5xx, 3xx, 407 → unavailable · 405, 415, 501 → unsupported · other 4xx → invalid · 2xx in HTML where JSON
/// is due → corrupt.
std::optional<Failure> failure_of(const Answer& answer, Wanted wanted);

/// True when the endpoint, or the way to it, is broken: what the breaker counts (verdict.h).
bool is_outage(ErrorCode code);

/// The same of a request: that whoever asked did not wait long enough says nothing about who was asked.
bool is_fault_of_endpoint(const Error& error);

/// How much of an outage it is: without a connection, or an answer on it in time, the next asker would wait just as
/// long (health.h). A host that was
/// only redirected to is not the endpoint's own address.
Health::Outage outage_of(const Error& error);

/// The pause that `Retry-After` asks for: seconds or an HTTP date (RFC 9110 §10.2.3), at most an hour; nothing when it
/// is absent or malformed.
std::optional<Duration> retry_after_of(const sys::HttpFields& fields, WallTime now);

}  // namespace lifeboat::upstream
