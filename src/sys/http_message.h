#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lifeboat::sys {

/// Header fields in the order they came; names compare without case (RFC 9110 §5.1).
class HttpFields {
 public:
  void add(std::string_view name, std::string_view value) { all_.emplace_back(name, value); }
  /// Replaces all of that name.
  void set(std::string_view name, std::string_view value);
  /// The first of that name, or nothing. Valid until the fields change.
  std::optional<std::string_view> find(std::string_view name) const;
  /// All of that name, joined by ", " (RFC 9110 §5.3). Empty when there is none.
  std::string joined(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return all_; }

 private:
  std::vector<std::pair<std::string, std::string>> all_;
};

/// True when the two are the same but for the case of ASCII letters.
bool equals_ignoring_case(std::string_view a, std::string_view b);

enum class HttpMethod { get, head, post, put, patch, delete_, other };
HttpMethod http_method_of(std::string_view text);
std::string_view to_string(HttpMethod method);

/// "Not Found" for 404; "" for a status without a registered phrase.
std::string_view reason_phrase(int status);

struct HttpResponse {
  int status = 200;
  HttpFields fields;  ///< without Content-Length, Date and Connection: the server sets those
  std::string body;
};

}  // namespace lifeboat::sys
