#include "oci/error_code.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <utility>

#include "oci/text.h"

namespace lifeboat::oci {
namespace {

using nlohmann::json;

/// An error document is a few hundred bytes; a longer body is none worth reading.
constexpr std::size_t kErrorsMaxBytes = std::size_t{64} * 1024;

constexpr std::array<std::pair<OciErrorCode, std::string_view>, 14> kNames{{
    {OciErrorCode::blob_unknown, "BLOB_UNKNOWN"},
    {OciErrorCode::blob_upload_invalid, "BLOB_UPLOAD_INVALID"},
    {OciErrorCode::blob_upload_unknown, "BLOB_UPLOAD_UNKNOWN"},
    {OciErrorCode::digest_invalid, "DIGEST_INVALID"},
    {OciErrorCode::manifest_blob_unknown, "MANIFEST_BLOB_UNKNOWN"},
    {OciErrorCode::manifest_invalid, "MANIFEST_INVALID"},
    {OciErrorCode::manifest_unknown, "MANIFEST_UNKNOWN"},
    {OciErrorCode::name_invalid, "NAME_INVALID"},
    {OciErrorCode::name_unknown, "NAME_UNKNOWN"},
    {OciErrorCode::size_invalid, "SIZE_INVALID"},
    {OciErrorCode::unauthorized, "UNAUTHORIZED"},
    {OciErrorCode::denied, "DENIED"},
    {OciErrorCode::unsupported, "UNSUPPORTED"},
    {OciErrorCode::too_many_requests, "TOOMANYREQUESTS"},
}};

/// The text of a member of an object, "" when it is not there or no text.
std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

std::string_view to_string(OciErrorCode code) {
  const auto* found = std::ranges::find(kNames, code, &decltype(kNames)::value_type::first);
  return found == kNames.end() ? "UNSUPPORTED" : found->second;
}

Result<OciErrorCode> parse_oci_error_code(std::string_view text) {
  const auto* found = std::ranges::find(kNames, text, &decltype(kNames)::value_type::second);
  if (found == kNames.end()) {
    return fail(ErrorCode::invalid, "cannot parse error code " + quote(text) + ": unknown (want one of OCI's 14)");
  }
  return found->first;
}

std::string render_errors(const std::vector<OciError>& errors) {
  std::string out = R"({"errors":[)";
  for (const OciError& error : errors) {
    if (out.back() == '}') out.push_back(',');
    out.append(R"({"code":")").append(to_string(error.code)).append(R"(","message":)");
    append_json_text(out, error.message);
    if (!error.detail.empty()) {
      out.append(R"(,"detail":)");
      append_json_text(out, error.detail);
    }
    out.push_back('}');
  }
  return out.append("]}");
}

std::vector<OciError> parse_errors(std::string_view body) {
  std::vector<OciError> errors;
  if (body.size() > kErrorsMaxBytes) return errors;
  // Reading, finding and freeing do not recurse in this library, so the depth of the body does not matter.
  const json document = json::parse(body, nullptr, false);
  if (!document.is_object()) return errors;
  const auto list = document.find("errors");
  if (list == document.end() || !list->is_array()) return errors;
  for (const json& item : *list) {
    if (!item.is_object()) continue;
    const auto code = parse_oci_error_code(text_of(item, "code"));
    if (!code) continue;
    errors.push_back({.code = *code, .message = text_of(item, "message"), .detail = text_of(item, "detail")});
  }
  return errors;
}

}  // namespace lifeboat::oci
