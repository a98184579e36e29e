#pragma once

#include <memory>
#include <string>

#include "oci/digest.h"
#include "sys/http_server.h"

namespace lifeboat::http {

/// `ETag` and `Docker-Content-Digest` of content, and how long it may be kept: by digest for ever, by tag never unasked
/// (W23, W32).
void add_content_fields(sys::HttpFields& fields, const std::string& digest, bool is_by_digest);

/// The bytes of an answer: in memory, or in a file of `size_bytes`.
struct AnswerBody {
  std::string bytes;
  std::shared_ptr<const sys::ReadableFile> file;
  uint64_t size_bytes = 0;
};

/// Renders a 200 of `head` and its 304, ready to be sent. The 304 has all fields but those of the body (RFC 9110
/// §15.4.5).
std::shared_ptr<const sys::PreparedAnswer> prepare(const sys::HttpResponse& head, AnswerBody body);

}  // namespace lifeboat::http
