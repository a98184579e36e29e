#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lifeboat::http {

/// `%xx` undone, once. Nothing when a '%' is not followed by two hexadecimal digits.
std::optional<std::string> percent_decoded(std::string_view text);
/// All but unreserved letters (RFC 3986 §2.3) as `%XX`.
std::string percent_encoded(std::string_view text);

/// The parameters behind a target's '?', decoded, in their order; repeated keys are kept.
class Query {
 public:
  /// Never fails: an escape that is none stays as it came. '+' reads as a space, as forms have it.
  static Query parse(std::string_view text);

  bool has(std::string_view key) const { return first(key).has_value(); }
  /// Valid as long as the Query.
  std::optional<std::string_view> first(std::string_view key) const;
  std::vector<std::string_view> every(std::string_view key) const;

 private:
  std::vector<std::pair<std::string, std::string>> all_;
};

/// A digest or media type as the client meant it: neither has spaces, so one is a '+' that was sent unescaped (W66).
std::string with_plus(std::string_view value);

}  // namespace lifeboat::http
