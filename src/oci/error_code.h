#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace lifeboat::oci {

/// The closed list of the OCI distribution-spec 1.1 (code-1 … code-14).
enum class OciErrorCode {
  blob_unknown,
  blob_upload_invalid,
  blob_upload_unknown,
  digest_invalid,
  manifest_blob_unknown,
  manifest_invalid,
  manifest_unknown,
  name_invalid,
  name_unknown,
  size_invalid,
  unauthorized,
  denied,
  unsupported,
  too_many_requests,
};

std::string_view to_string(OciErrorCode code);  ///< "BLOB_UNKNOWN"
Result<OciErrorCode> parse_oci_error_code(std::string_view text);

struct OciError {
  OciErrorCode code;
  std::string message;
  std::string detail;  ///< a text (a digest, a name), or empty
};

/// `{"errors":[{"code":…,"message":…,"detail":…}]}`
std::string render_errors(const std::vector<OciError>& errors);
/// What an upstream answered; unknown codes are skipped; empty when it is no such document.
std::vector<OciError> parse_errors(std::string_view body);

}  // namespace lifeboat::oci
