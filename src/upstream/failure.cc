#include "upstream/failure.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <vector>

#include "oci/error_code.h"
#include "upstream/verdict.h"

namespace lifeboat::upstream {
namespace {

constexpr Duration kRetryAfterMax = std::chrono::hours(1);

/// The media type without parameters, in lower case.
std::string media_type_of(const sys::HttpFields& fields) {
  const std::string_view value = fields.find("Content-Type").value_or("");
  std::string type(value.substr(0, std::min(value.find_first_of("; \t"), value.size())));
  std::ranges::transform(type, type.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return type;
}

bool is_html(const Answer& answer) {
  const std::string type = media_type_of(answer.fields);
  if (type == "text/html" || type == "application/xhtml+xml") return true;
  const std::size_t start = answer.body.find_first_not_of(" \t\r\n");
  return start != answer.body.npos && answer.body[start] == '<';
}

bool has_sign_of_registry(const Answer& answer, const std::vector<oci::OciError>& errors) {
  if (!errors.empty() || answer.fields.find("Docker-Distribution-Api-Version")) return true;
  const std::string type = media_type_of(answer.fields);
  return type == "application/json" || type.ends_with("+json");
}

std::string reason_of(const Answer& answer, const std::vector<oci::OciError>& errors) {
  std::string reason = std::to_string(answer.status);
  if (const auto phrase = sys::reason_phrase(answer.status); !phrase.empty()) reason.append(" ").append(phrase);
  if (!errors.empty()) reason.append(" (").append(oci::to_string(errors.front().code)).append(")");
  return reason;
}

}  // namespace

std::optional<Failure> failure_of(const Answer& answer, Wanted wanted) {
  const int status = answer.status;
  if (status >= 200 && status < 300) {
    // The bytes of a blob are judged by their digest alone: any media type may be stored.
    if (wanted == Wanted::blob) {
      if (status == 200) return std::nullopt;
      return Failure{ErrorCode::corrupt, reason_of(answer, {}) + " where 200 was due"};
    }
    if (is_html(answer)) return Failure{ErrorCode::corrupt, reason_of(answer, {}) + " with HTML where JSON was due"};
    if (status != 200) return Failure{ErrorCode::corrupt, reason_of(answer, {}) + " where 200 was due"};
    return std::nullopt;
  }
  const auto errors = oci::parse_errors(answer.body);
  const auto failure = [&](ErrorCode code) { return Failure{code, reason_of(answer, errors)}; };
  const bool is_rate = std::ranges::any_of(
      errors, [](const oci::OciError& error) { return error.code == oci::OciErrorCode::too_many_requests; });
  if (is_rate || status == 408 || status == 429) return failure(ErrorCode::too_many);
  switch (status) {
    case 401: return failure(ErrorCode::unauthorized);
    case 402:
    case 451: return failure(ErrorCode::denied);
    case 403:
      if (!is_html(answer)) return failure(ErrorCode::denied);
      return Failure{ErrorCode::unavailable, reason_of(answer, errors) + " with HTML, not from a registry"};
    case 404:
    case 410:
      // A registry that knows no referrers answers them as any unknown path, often in plain text.
      if (has_sign_of_registry(answer, errors) || (wanted == Wanted::referrers && !is_html(answer))) {
        return failure(ErrorCode::not_found);
      }
      return Failure{ErrorCode::unavailable, reason_of(answer, errors) + " without a sign of a registry"};
    case 405:
    case 415:
    case 501: return failure(ErrorCode::unsupported);
    case 407: return failure(ErrorCode::unavailable);
    default: return failure(status >= 400 && status < 500 ? ErrorCode::invalid : ErrorCode::unavailable);
  }
}

bool is_outage(ErrorCode code) { return verdict_of(code).breaker() == BreakerEffect::counts; }

bool is_fault_of_endpoint(const Error& error) {
  const bool is_impatience = error.code() == ErrorCode::timed_out && error.step() == NetworkStep::none;
  return is_outage(error.code()) && !is_impatience && error.step() != NetworkStep::not_sent;
}

Health::Outage outage_of(const Error& error) {
  switch (error.step()) {
    case NetworkStep::resolve:
    case NetworkStep::connect:
    case NetworkStep::tls: return Health::Outage::unreachable;
    case NetworkStep::first_byte:
      return error.code() == ErrorCode::timed_out ? Health::Outage::unreachable : Health::Outage::broken;
    case NetworkStep::none:
    case NetworkStep::not_sent:
    case NetworkStep::redirect:
    case NetworkStep::body: return Health::Outage::broken;
  }
  return Health::Outage::broken;
}

std::optional<Duration> retry_after_of(const sys::HttpFields& fields, WallTime now) {
  const auto field = fields.find("Retry-After");
  if (!field) return std::nullopt;
  uint64_t seconds = 0;
  const auto [end, error] = std::from_chars(field->data(), field->data() + field->size(), seconds);
  if (end == field->data() + field->size() && !field->empty()) {
    if (error == std::errc::result_out_of_range || seconds > 3600) return kRetryAfterMax;
    return std::chrono::seconds(seconds);
  }
  std::tm parts{};
  const std::string date(*field);
  const char* rest = strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (rest == nullptr || *rest != '\0') return std::nullopt;
  const auto until = WallTime(std::chrono::seconds(timegm(&parts)));
  return std::clamp(Duration(until - now), Duration(0), kRetryAfterMax);
}

}  // namespace lifeboat::upstream
