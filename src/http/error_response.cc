#include "http/error_response.h"

#include "oci/text.h"

namespace lifeboat::http {
namespace {

using oci::OciErrorCode;

constexpr int kRetrySoonS = 1;
/// An upstream that was down or lied a moment ago is hardly back in a second.
constexpr int kRetryLaterS = 5;

OciErrorCode unknown_code(Asked asked) {
  switch (asked) {
    case Asked::repository: return OciErrorCode::name_unknown;
    case Asked::manifest:
    case Asked::manifest_push:
    case Asked::manifest_removal: return OciErrorCode::manifest_unknown;
    case Asked::blob:
    case Asked::blob_removal: return OciErrorCode::blob_unknown;
    case Asked::upload: return OciErrorCode::blob_upload_unknown;
  }
  return OciErrorCode::name_unknown;
}

OciErrorCode invalid_code(Asked asked) {
  switch (asked) {
    case Asked::repository: return OciErrorCode::name_invalid;
    case Asked::manifest:
    case Asked::manifest_push:
    case Asked::manifest_removal: return OciErrorCode::manifest_invalid;
    case Asked::blob:
    case Asked::blob_removal: return OciErrorCode::digest_invalid;
    case Asked::upload: return OciErrorCode::blob_upload_invalid;
  }
  return OciErrorCode::name_invalid;
}

bool is_read(Asked asked) { return asked == Asked::repository || asked == Asked::manifest || asked == Asked::blob; }

/// What the client asked was parsed at the door: that it is malformed or not offered is the upstream's word to us.
bool is_read_of_content(Asked asked) { return asked == Asked::manifest || asked == Asked::blob; }

ErrorAnswer conflict_answer(Asked asked) {
  switch (asked) {
    case Asked::manifest_push: return {412, OciErrorCode::denied, 0};
    case Asked::upload:
      return {503, OciErrorCode::blob_upload_invalid, kRetrySoonS};  // another request has the session
    case Asked::manifest_removal:
    case Asked::blob_removal: return {405, OciErrorCode::unsupported, 0};  // still referenced (W70)
    case Asked::repository:
    case Asked::manifest:
    case Asked::blob: return {503, OciErrorCode::too_many_requests, kRetrySoonS};
  }
  return {503, OciErrorCode::too_many_requests, kRetrySoonS};
}

ErrorAnswer corrupt_answer(Asked asked) {
  // What the client sent is not what it said; it sends the right thing or gives up.
  if (asked == Asked::upload || asked == Asked::manifest_push) return {400, OciErrorCode::digest_invalid, 0};
  // What is here is not what it should be: the next host may have it, and repair may bring it back (W83).
  return {503, invalid_code(asked), kRetryLaterS};
}

}  // namespace

ErrorAnswer answer_to(ErrorCode code, Asked asked) {
  switch (code) {
    case ErrorCode::not_found: return {404, unknown_code(asked), 0};
    case ErrorCode::invalid:
      if (is_read_of_content(asked)) return {503, OciErrorCode::too_many_requests, kRetryLaterS};
      return {400, invalid_code(asked), 0};
    case ErrorCode::conflict: return conflict_answer(asked);
    case ErrorCode::unauthorized:
    case ErrorCode::denied:
      // On a read these are the upstream's word about our credentials: an outage to the client, and no business of its.
      if (is_read(asked)) return {503, OciErrorCode::too_many_requests, kRetryLaterS};
      return {403, OciErrorCode::denied, 0};
    case ErrorCode::unavailable: return {503, OciErrorCode::too_many_requests, kRetryLaterS};
    case ErrorCode::timed_out:
    case ErrorCode::too_many:
    case ErrorCode::cancelled: return {503, OciErrorCode::too_many_requests, kRetrySoonS};
    case ErrorCode::corrupt: return corrupt_answer(asked);
    case ErrorCode::no_space: return {507, OciErrorCode::denied, 0};
    case ErrorCode::unsupported:
      if (is_read_of_content(asked)) return {503, OciErrorCode::too_many_requests, kRetryLaterS};
      return {405, OciErrorCode::unsupported, 0};
    case ErrorCode::internal: break;
  }
  return {500, asked == Asked::upload ? OciErrorCode::blob_upload_invalid : OciErrorCode::unsupported, 0};
}

sys::HttpResponse v2_response(int status) {
  sys::HttpResponse response;
  response.status = status;
  response.fields.add("Docker-Distribution-Api-Version", "registry/2.0");
  response.fields.add("X-Content-Type-Options", "nosniff");
  return response;
}

sys::HttpResponse error_response(int status, const std::vector<oci::OciError>& errors) {
  sys::HttpResponse response = v2_response(status);
  response.fields.add("Content-Type", "application/json");
  response.body = oci::render_errors(errors);
  return response;
}

sys::HttpResponse error_response(const Error& error, Asked asked) {
  const ErrorAnswer answer = answer_to(error.code(), asked);
  const bool is_ours = error.code() == ErrorCode::internal;  // the log has the message; the client needs none of it
  // Of what still names a blob or manifest, the message tells which (W70).
  const bool names_other = error.code() == ErrorCode::conflict && answer.status == 405;
  sys::HttpResponse response = error_response(
      answer.status,
      {{.code = answer.code,
        .message = is_ours ? "the request failed inside the server, whose log has the reason" : error.message(),
        .detail = names_other ? error.message() : ""}});
  if (answer.retry_after_s > 0) response.fields.add("Retry-After", std::to_string(answer.retry_after_s));
  if (answer.status == 405) response.fields.add("Allow", "GET, HEAD");
  return response;
}

sys::HttpResponse api_response(int status, std::string json) {
  sys::HttpResponse response;
  response.status = status;
  response.fields.add("Content-Type", "application/json");
  response.fields.add("Cache-Control", "no-store");
  response.body = std::move(json);
  return response;
}

int api_status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_found: return 404;
    case ErrorCode::invalid: return 400;
    case ErrorCode::conflict: return 409;
    case ErrorCode::unauthorized:
    case ErrorCode::denied: return 403;
    case ErrorCode::unavailable:
    case ErrorCode::cancelled: return 503;
    case ErrorCode::timed_out: return 504;
    case ErrorCode::too_many: return 429;
    case ErrorCode::no_space: return 507;
    case ErrorCode::unsupported: return 405;
    case ErrorCode::corrupt:
    case ErrorCode::internal: break;
  }
  return 500;
}

sys::HttpResponse api_error_response(const Error& error) {
  std::string json = R"({"error":)";
  oci::append_json_text(json, error.message());
  json.append(R"(,"code":)");
  oci::append_json_text(json, to_string(error.code()));
  return api_response(api_status_of(error.code()), json + "}");
}

}  // namespace lifeboat::http
