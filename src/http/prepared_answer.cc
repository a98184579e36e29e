#include "http/prepared_answer.h"

namespace lifeboat::http {
namespace {

void append_field(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

void add_content_fields(sys::HttpFields& fields, const std::string& digest, bool is_by_digest) {
  fields.add("Docker-Content-Digest", digest);
  fields.add("ETag", "\"" + digest + "\"");
  fields.add("Cache-Control", is_by_digest ? "max-age=31536000, immutable" : "no-cache");
}

std::shared_ptr<const sys::PreparedAnswer> prepare(const sys::HttpResponse& head, AnswerBody body) {
  auto answer = std::make_shared<sys::PreparedAnswer>();
  answer->head = "HTTP/1.1 200 OK\r\n";
  answer->not_modified_head = "HTTP/1.1 304 Not Modified\r\n";
  for (const auto& [name, value] : head.fields.all()) {
    append_field(answer->head, name, value);
    const bool is_of_body =
        sys::equals_ignoring_case(name, "Content-Type") || sys::equals_ignoring_case(name, "Accept-Ranges");
    if (!is_of_body) append_field(answer->not_modified_head, name, value);
  }
  append_field(answer->head, "Content-Length", std::to_string(body.size_bytes));
  answer->head.shrink_to_fit();
  answer->not_modified_head.shrink_to_fit();
  answer->body = std::move(body.bytes);
  answer->file = std::move(body.file);
  answer->size_bytes = body.size_bytes;
  return answer;
}

}  // namespace lifeboat::http
