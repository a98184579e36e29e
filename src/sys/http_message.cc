#include "sys/http_message.h"

#include <algorithm>

namespace lifeboat::sys {
namespace {

char lower(char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + ('a' - 'A')) : letter; }

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

void HttpFields::set(std::string_view name, std::string_view value) {
  std::erase_if(all_, [&](const auto& field) { return equals_ignoring_case(field.first, name); });
  add(name, value);
}

std::optional<std::string_view> HttpFields::find(std::string_view name) const {
  for (const auto& [key, value] : all_) {
    if (equals_ignoring_case(key, name)) return value;
  }
  return std::nullopt;
}

std::string HttpFields::joined(std::string_view name) const {
  std::string result;
  for (const auto& [key, value] : all_) {
    if (!equals_ignoring_case(key, name)) continue;
    if (!result.empty()) result.append(", ");
    result.append(value);
  }
  return result;
}

HttpMethod http_method_of(std::string_view text) {
  if (text == "GET") return HttpMethod::get;
  if (text == "HEAD") return HttpMethod::head;
  if (text == "POST") return HttpMethod::post;
  if (text == "PUT") return HttpMethod::put;
  if (text == "PATCH") return HttpMethod::patch;
  if (text == "DELETE") return HttpMethod::delete_;
  return HttpMethod::other;
}

std::string_view to_string(HttpMethod method) {
  switch (method) {
    case HttpMethod::get: return "GET";
    case HttpMethod::head: return "HEAD";
    case HttpMethod::post: return "POST";
    case HttpMethod::put: return "PUT";
    case HttpMethod::patch: return "PATCH";
    case HttpMethod::delete_: return "DELETE";
    case HttpMethod::other: return "OTHER";
  }
  return "OTHER";
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "";
  }
}

}  // namespace lifeboat::sys
