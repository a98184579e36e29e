#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "oci/error_code.h"
#include "sys/http_message.h"

/// THE table from a failure and what was asked to what the client is told (WIRE §7, CLIENTS §8). Pure.
///
/// The status matters more than the code (W83): 404 makes runtimes conclude "not found" or try the next mirror, so an
/// outage is never one; they retry 408 and 429 and answer 401 with the pod's secrets, so a read never is any of these.
/// Whatever may work later is 503 with `Retry-After`.
namespace lifeboat::http {

/// What a failed operation was about.
enum class Asked {
  repository,  ///< a name, or a list of names
  manifest,    ///< reading one
  blob,        ///< reading one
  upload,      ///< an upload session, or the bytes given to it
  manifest_push,
  manifest_removal,
  blob_removal,
};

struct ErrorAnswer {
  int status = 500;
  oci::OciErrorCode code = oci::OciErrorCode::unsupported;
  int retry_after_s = 0;  ///< 0: no Retry-After
  friend bool operator==(const ErrorAnswer&, const ErrorAnswer&) = default;
};
ErrorAnswer answer_to(ErrorCode code, Asked asked);

/// Every answer below `/v2/` begins with these fields (W8).
sys::HttpResponse v2_response(int status);

/// JSON of the spec's shape.
sys::HttpResponse error_response(int status, const std::vector<oci::OciError>& errors);
sys::HttpResponse error_response(const Error& error, Asked asked);

/// An answer of the operator's API: JSON, never cached.
sys::HttpResponse api_response(int status, std::string json);
/// Unlike the statuses below `/v2/`, no rule of the spec or of a runtime bends these.
int api_status_of(ErrorCode code);
/// `{"error": "<message>", "code": "<ErrorCode>"}`, whatever the code: who may ask may know.
sys::HttpResponse api_error_response(const Error& error);

}  // namespace lifeboat::http
