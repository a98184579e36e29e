#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace lifeboat::upstream {

/// Which repositories an endpoint is asked for, and what they are called there: `org/*` → `mirror/org/*`. A pattern is
/// a name, or a beginning with one `*` at its end that stands for the rest.
class Rewrite {
 public:
  /// `from` empty: every repository; `to` empty: under their own names. invalid: a `*` that is not at the end, or `to`
  /// with a `*` where `from` has none, or the other way round.
  static Result<Rewrite> parse(std::string_view from, std::string_view to);

  /// Nothing: the endpoint is not for this repository. The result may be no valid name (`*` can be empty).
  std::optional<std::string> apply(std::string_view repository) const;

 private:
  Rewrite(std::string_view from, std::string_view to);

  bool has_star_ = true;
  bool has_target_ = false;
  std::string from_;  ///< without its star
  std::string to_;    ///< without its star
};

}  // namespace lifeboat::upstream
